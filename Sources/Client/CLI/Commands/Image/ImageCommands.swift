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
            "Import the contents from a tarball to create a filesystem image", .range(1, 2),
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
                let client = try call.client()
                let platform = try PlatformText.query(call.flags.string("platform"))
                return try ObjectInspector.run(call) { name in
                    try client.call("GET", "/images/\(URLText.path(name))/json", query: platform).readAll()
                }
            }),
    ]
}

/// `--platform linux/arm64/v8` as the JSON that newer API versions take.
enum PlatformText {
    static func json(_ text: String) throws -> String {
        let parts = Text.split(text.lowercased(), "/")
        guard parts.count <= 3, parts.allSatisfy({ !$0.isEmpty }) else {
            throw CommandError(
                "invalid platform: \(Quoted.go(text)): unknown operating system or architecture: invalid argument")
        }
        func quoted(_ text: String) -> String { Quoted.go(text) }
        let architecture = parts.count > 1 ? parts[1] : "amd64"
        let variant = parts.count > 2 ? ",\"variant\":\(quoted(parts[2]))" : ""
        return "{\"architecture\":\(quoted(architecture)),\"os\":\(quoted(parts[0]))\(variant)}"
    }

    static func query(_ text: String) throws -> [(String, String)] {
        text.isEmpty ? [] : [("platform", try json(text))]
    }
}
