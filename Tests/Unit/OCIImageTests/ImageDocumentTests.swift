// SPDX-License-Identifier: Apache-2.0
// Names, platforms, manifests and indexes: what people type and what registries send.
import JSON
import OCI
import Primitives
import Testing

@Suite struct ImageReferenceTests {
    static let hex = String(repeating: "a", count: 64)

    @Test(arguments: [
        ("nginx", "docker.io/library/nginx", "nginx"),
        ("nginx:1.2", "docker.io/library/nginx:1.2", "nginx:1.2"),
        ("user/app", "docker.io/user/app", "user/app"),
        ("docker.io/nginx", "docker.io/library/nginx", "nginx"),
        ("index.docker.io/user/app", "docker.io/user/app", "user/app"),
        ("localhost/app", "localhost/app", "localhost/app"),
        ("localhost:5000/app:x", "localhost:5000/app:x", "localhost:5000/app:x"),
        ("127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c", "127.0.0.1:5000/a/b/c"),
        ("[::1]:5000/app", "[::1]:5000/app", "[::1]:5000/app"),
        ("ghcr.io/a__b/c-d.e_f", "ghcr.io/a__b/c-d.e_f", "ghcr.io/a__b/c-d.e_f"),
        ("app@sha256:\(hex)", "docker.io/library/app@sha256:\(hex)", "app@sha256:\(hex)"),
        ("app:1@sha256:\(hex)", "docker.io/library/app:1@sha256:\(hex)", "app:1@sha256:\(hex)"),
        ("a--b", "docker.io/library/a--b", "a--b"),
        ("\(hex):latest", "docker.io/library/\(hex):latest", "\(hex):latest"),
    ]) func completes(_ text: String, _ full: String, _ familiar: String) throws {
        let reference = try ImageReference(parsing: text)
        #expect(reference.description == full)
        #expect(reference.familiar == familiar)
        #expect(try ImageReference(parsing: full) == reference)
    }

    @Test(arguments: [
        "", ":", "/", "@", "a:", ":tag", "a/", "/a", "a//b", "../a", "a/../b", "a..b", "a___b", "-a", "a-", ".a",
        "a:-x", "a b",
        "a:\(String(repeating: "t", count: 129))", "a@sha256:123", "a@md5:\(hex)", "a@", "http://a/b", "ä", "a\0",
        "a:t\n",
        "host:port/a", "host:/a", "x.y:99:99/a", "a@sha256:\(hex)@sha256:\(hex)", String(repeating: "a", count: 256),
        hex,
    ]) func refuses(_ text: String) {
        let error = #expect(throws: EngineError.self, "\(text)") { _ = try ImageReference(parsing: text) }
        #expect(error?.kind == .invalidArgument)
    }

    @Test func upperCaseIsNamed() {
        let error = #expect(throws: EngineError.self) { _ = try ImageReference(parsing: "docker.io/Nginx") }
        #expect(error?.message == "invalid reference format: repository name (library/Nginx) must be lowercase")
    }
}

@Suite struct ManifestTests {
    static let digest = "sha256:" + String(repeating: "b", count: 64)
    static let part = #"{"mediaType":"x","digest":"\#(digest)","size":5}"#

    @Test(arguments: [
        "", "null", "[]", "{}", "{\"schemaVersion\":2}",
        #"{"schemaVersion":2,"config":\#(part)}"#,
        #"{"schemaVersion":1,"fsLayers":[],"history":[]}"#,
        #"{"schemaVersion":2,"config":\#(part),"layers":{}}"#,
        #"{"schemaVersion":2,"config":{"digest":"x","size":1},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"digest":"\#(digest)","size":-1},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"digest":"\#(digest)"},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"digest":"\#(digest)","size":1e30},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"digest":"sha256:../../../../etc/passwd","size":1},"layers":[]}"#,
        #"{"schemaVersion":2,"config":\#(part),"layers":[1]}"#,
        #"{"schemaVersion":2,"config":\#(part),"layers":[],"manifests":[]}"#,
        #"{"schemaVersion":2,"config":\#(part),"layers":[\#(Array(repeating: part, count: 4097).joined(separator: ","))]}"#,
    ]) func refuses(_ text: String) {
        #expect(throws: EngineError.self) { _ = try Manifest(parsing: Array(text.utf8)) }
    }

    @Test(arguments: [
        "{}", #"{"manifests":1}"#, #"{"manifests":[{}]}"#, #"{"manifests":[],"layers":[]}"#,
        #"{"manifests":[],"config":{}}"#,
    ]) func refusesIndexes(_ text: String) {
        #expect(throws: EngineError.self) { _ = try ImageIndex(parsing: Array(text.utf8)) }
    }

    @Test func roundTrip() throws {
        let manifest = try Manifest(
            parsing: Array(
                #"{"schemaVersion":2,"mediaType":"m","config":\#(Self.part),"layers":[\#(Self.part),\#(Self.part)]}"#
                    .utf8))
        #expect(manifest.layers.count == 2)
        #expect(try Manifest(parsing: manifest.json.serialize()) == manifest)
    }

    private static func descriptor(_ number: Int, _ platform: ImagePlatform?) -> Descriptor {
        let hex = String(repeating: "0", count: 63) + "\(number)"
        return Descriptor(mediaType: MediaType.ociManifest, digest: Digest(sha256Hex: hex), size: 1, platform: platform)
    }

    static let amd = ImagePlatform(architecture: "amd64")
    static let choices: [(String, [ImagePlatform?], ImagePlatform, Int?)] = [
        ("the exact one", [ImagePlatform(architecture: "arm64", variant: "v8"), amd], amd, 1),
        ("none", [ImagePlatform(architecture: "arm64")], amd, nil),
        ("other system", [ImagePlatform(os: "windows", architecture: "amd64")], amd, nil),
        ("attestation first", [ImagePlatform(os: "unknown", architecture: "unknown"), amd], amd, 1),
        (
            "variant wins",
            [ImagePlatform(architecture: "arm", variant: "v6"), ImagePlatform(architecture: "arm", variant: "v7")],
            ImagePlatform(architecture: "arm", variant: "v7"), 1
        ),
        (
            "no variant asked", [ImagePlatform(architecture: "arm64", variant: "v8")],
            ImagePlatform(architecture: "arm64"), 0
        ),
        (
            "wrong variant", [ImagePlatform(architecture: "arm", variant: "v6")],
            ImagePlatform(architecture: "arm", variant: "v7"), nil
        ),
        ("the only one, nothing said", [nil], amd, 0),
        ("two, nothing said", [nil, nil], amd, nil),
        ("empty", [], amd, nil),
    ]

    @Test(arguments: choices) func chooses(_ row: (String, [ImagePlatform?], ImagePlatform, Int?)) {
        let index = ImageIndex(manifests: row.1.enumerated().map { Self.descriptor($0, $1) })
        #expect(index.manifest(for: row.2) == row.3.map { index.manifests[$0] }, "\(row.0)")
    }

    @Test(arguments: [
        "", "{}", #"{"rootfs":{}}"#, #"{"rootfs":{"diff_ids":["x"]}}"#, #"{"rootfs":{"diff_ids":[1]}}"#, "[[[[",
    ]) func refusesConfigurations(_ text: String) {
        #expect(throws: EngineError.self) { _ = try ImageConfiguration(parsing: Array(text.utf8)) }
    }

    @Test(arguments: ["linux/amd64", "linux/arm64/v8", "linux/x86_64"]) func platforms(_ text: String) throws {
        #expect(try ImagePlatform(parsing: text).os == "linux")
    }

    @Test(arguments: ["", "/", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linux/amd64/"])
    func noPlatforms(_ text: String) {
        #expect(throws: EngineError.self) { _ = try ImagePlatform(parsing: text) }
    }
}
