// SPDX-License-Identifier: Apache-2.0
// Operating system, architecture and variant an image is made for.
package import JSON
package import Primitives

/// `linux/amd64`, `linux/arm64/v8` … in Go's words (image-spec, image-index.md).
package struct ImagePlatform: Sendable, Equatable, Hashable, CustomStringConvertible {
    package var os: String
    package var architecture: String
    package var variant: String

    package init(os: String = "linux", architecture: String, variant: String = "") {
        self.os = os
        self.architecture = architecture
        self.variant = variant
    }

    package init?(_ json: JSONValue) {
        guard let os = json["os"]?.string, let architecture = json["architecture"]?.string else { return nil }
        self.init(os: os, architecture: architecture, variant: json["variant"]?.string ?? "")
    }

    /// Reads `os/arch[/variant]`.
    package init(parsing text: String) throws(EngineError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(Self.isPlain) })
        else {
            throw .invalidArgument("\"\(text)\": unknown operating system or architecture: invalid argument")
        }
        self.init(os: parts[0], architecture: Self.normal(parts[1]), variant: parts.count > 2 ? parts[2] : "")
    }

    /// The machine this program was built for.
    package static var host: ImagePlatform {
        #if arch(x86_64)
            ImagePlatform(architecture: "amd64")
        #elseif arch(arm64)
            ImagePlatform(architecture: "arm64", variant: "v8")
        #else
            ImagePlatform(architecture: "unknown")
        #endif
    }

    /// Whether an image for this platform runs where `wanted` is asked for: variants count only when both name one.
    package func matches(_ wanted: ImagePlatform) -> Bool {
        os == wanted.os && architecture == wanted.architecture
            && (variant == wanted.variant || variant.isEmpty || wanted.variant.isEmpty)
    }

    package var description: String { variant.isEmpty ? "\(os)/\(architecture)" : "\(os)/\(architecture)/\(variant)" }

    package var json: JSONValue {
        var object: JSONObject = ["architecture": .string(architecture), "os": .string(os)]
        if !variant.isEmpty { object["variant"] = .string(variant) }
        return .object(object)
    }

    private static func normal(_ architecture: String) -> String {
        switch architecture {
        case "x86_64", "x86-64": "amd64"
        case "aarch64": "arm64"
        default: architecture
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
