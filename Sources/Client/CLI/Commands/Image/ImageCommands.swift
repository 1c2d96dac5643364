// SPDX-License-Identifier: Apache-2.0
// The commands of images: names, usage and flags; each runs a function of this folder.
import DockerClient

/// All of `image …` and their short forms.
enum ImageCommands {
    static let all: [Command] = [
        Command(
            ["image ls", "image list", "images"], "[OPTIONS] [REPOSITORY[:TAG]]", "List images", .atMost(1),
            flags: { ImageFlags.list }, run: ImageList.run),
        Command(
            ["image history", "history"], "[OPTIONS] IMAGE", "Show the history of an image", .exactly(1),
            flags: { ImageFlags.history }, run: ImageHistory.run),
        Command(
            ["image pull", "pull"], "[OPTIONS] NAME[:TAG|@DIGEST]", "Download an image from a registry", .exactly(1),
            flags: { ImageFlags.pull }, run: ImageTransfer.pull),
        Command(
            ["image push", "push"], "[OPTIONS] NAME[:TAG]", "Upload an image to a registry", .exactly(1),
            flags: { ImageFlags.push }, run: ImageTransfer.push),
        Command(
            ["image load", "load"], "[OPTIONS]", "Load an image from a tar archive or STDIN", .none,
            flags: { ImageFlags.load }, run: ImageFiles.load),
        Command(
            ["image save", "save"], "[OPTIONS] IMAGE [IMAGE...]",
            "Save one or more images to a tar archive (streamed to STDOUT by default)", .atLeast(1),
            flags: { ImageFlags.save }, run: ImageFiles.save),
        Command(
            ["image import", "import"], "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
            "Import the contents from a tarball to create a filesystem image", .atLeast(1),
            flags: { ImageFlags.importImage }, run: ImageFiles.importImage),
        Command(
            ["image tag", "tag"], "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
            "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", .exactly(2), run: ImageEdits.tag),
        Command(
            ["image rm", "image remove", "rmi"], "[OPTIONS] IMAGE [IMAGE...]", "Remove one or more images", .atLeast(1),
            flags: { ImageFlags.remove }, run: ImageEdits.remove),
        Command(
            ["image prune"], "[OPTIONS]", "Remove unused images", .none, flags: { ImageFlags.prune },
            run: PruneCommands.images),
        Command(
            ["image inspect"], "[OPTIONS] IMAGE [IMAGE...]", "Display detailed information on one or more images",
            .atLeast(1), flags: { ImageFlags.inspect },
            run: { call in
                let platform = try PlatformText.query(call.flags.string("platform"), label: "")
                let client = try call.client()
                return try ObjectInspector.run(call) { name in
                    try client.call("GET", "/images/\(URLText.path(name))/json", query: platform).readAll()
                }
            }),
    ]
}

/// `--platform linux/arm64/v8` as the JSON that newer API versions take.
enum PlatformText {
    private static let systems: Set<String> = [
        "aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux", "macos", "netbsd",
        "openbsd", "plan9", "solaris", "wasip1", "windows",
    ]
    private static let architectures: Set<String> = [
        "386", "aarch64", "amd64", "arm", "arm64", "armel", "armhf", "i386", "loong64", "mips", "mips64", "mips64le",
        "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm", "x86-64", "x86_64",
    ]

    /// `label` starts the complaint, which every command of the stock client words a little differently.
    static func json(_ text: String, label: String = "invalid platform: ") throws -> String {
        let parts = Text.split(text.lowercased(), "/")
        func refuse(_ reason: String) throws -> Never {
            throw CommandError("\(label)\(Quoted.go(text)): \(reason): invalid argument")
        }
        let (system, architecture): (String, String)
        switch parts.count {
        case 1 where systems.contains(parts[0]): (system, architecture) = (parts[0], BuildInformation.architecture)
        case 1 where architectures.contains(parts[0]): (system, architecture) = ("linux", parts[0])
        case 1: try refuse("unknown operating system or architecture")
        case 2, 3: (system, architecture) = (parts[0], parts[1])
        default: try refuse("cannot parse platform specifier")
        }
        guard parts.allSatisfy({ !$0.isEmpty }) else { try refuse("unknown operating system or architecture") }
        let variant = parts.count > 2 ? ",\"variant\":\(Quoted.go(parts[2]))" : ""
        let known = ["x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386"]
        let shown = known[architecture] ?? architecture
        return
            "{\"architecture\":\(Quoted.go(shown)),\"os\":\(Quoted.go(system == "macos" ? "darwin" : system))\(variant)}"
    }

    static func query(_ text: String, label: String = "invalid platform: ") throws -> [(String, String)] {
        text.isEmpty ? [] : [("platform", try json(text, label: label))]
    }
}
