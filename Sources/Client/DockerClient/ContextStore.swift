// SPDX-License-Identifier: Apache-2.0
// Docker's contexts on disk: contexts/meta/<sha256 of the name>/meta.json and contexts/tls/<same>/docker/{ca,cert,key}.pem.
import Glibc
import JSON

/// Reads the contexts that `docker context create` wrote.
package struct ContextStore: Sendable {
    package let folder: String

    package init(folder: String) { self.folder = folder }

    package func endpoint(of name: String) throws(ClientError) -> HostEndpoint {
        for entry in ContextStore.entries(folder + "/meta") {
            guard let bytes = FileText.bytes("\(folder)/meta/\(entry)/meta.json"),
                let meta = try? JSONValue.parse(bytes), meta["Name"]?.string == name
            else { continue }
            let docker = meta["Endpoints"]?["docker"]
            guard let host = docker?["Host"]?.string else { break }
            let skip = docker?["SkipTLSVerify"]?.bool ?? false
            let tls = "\(folder)/tls/\(entry)/docker"
            func file(_ name: String) -> String? { access("\(tls)/\(name)", F_OK) == 0 ? "\(tls)/\(name)" : nil }
            let files = HostEndpoint.TLSFiles(
                authority: file("ca.pem"), certificate: file("cert.pem"), key: file("key.pem"), verifies: !skip)
            let plain = files.authority == nil && files.certificate == nil && !skip
            return try HostEndpoint(parsing: host, tls: plain || host.hasPrefix("unix://") ? nil : files)
        }
        throw .configuration(
            "Failed to initialize: unable to resolve docker endpoint: context \"\(name)\": context not found: "
                + "open \(folder)/meta/…/meta.json: no such file or directory")
    }

    private static func entries(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }
}
