// SPDX-License-Identifier: Apache-2.0
// load, save, import: images as files and streams.
import DockerClient
import Glibc
import JSON

/// Archives in and out.
enum ImageFiles {
    static func load(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        var descriptor: Int32 = 0
        if flags.isSet("input") {
            descriptor = open(flags.string("input"), O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw CommandError("open \(flags.string("input")): \(ErrnoText.current)") }
        } else if call.console.inputIsTerminal {
            throw CommandError("requested load from stdin, but stdin is empty")
        }
        defer { if descriptor > 0 { close(descriptor) } }
        var query: [(String, String)] = []
        let quiet = flags.bool("quiet") || !call.console.outputIsTerminal
        query.append(("quiet", quiet ? "1" : "0"))
        query += try PlatformText.query(flags.string("platform"))
        if flags.isSet("input") { try refuseFolder(descriptor, flags.string("input")) }
        let response = try call.client().call(
            "POST", "/images/load", query: query,
            body: .stream(contentType: "application/x-tar", next: reader(descriptor)))
        if response.header("content-type")?.hasPrefix("application/json") == true {
            try ImageTransfer.show(response, call, quiet: false, toError: false)
        } else {
            while let bytes = try response.read() { call.console.out(bytes: bytes) }
        }
        return 0
    }

    private static func refuseFolder(_ descriptor: Int32, _ path: String) throws {
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
            throw CommandError("read \(path): is a directory")
        }
    }

    /// Chunks of a file or pipe.
    private static func reader(_ descriptor: Int32) -> () throws -> ArraySlice<UInt8>? {
        var buffer = [UInt8](repeating: 0, count: 1 << 17)
        return {
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw CommandError("read: \(ErrnoText.current)")
                }
                return count == 0 ? nil : buffer[..<count]
            }
        }
    }

    static func save(_ call: Invocation) throws -> Int32 {
        let flags = call.flags
        let output = flags.string("output")
        if output.isEmpty, call.console.outputIsTerminal {
            throw CommandError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
        }
        if !output.isEmpty { try checkOutput(output) }
        let query = call.operands.map { ("names", $0) } + (try PlatformText.query(flags.string("platform")))
        let response = try call.client().call("GET", "/images/get", query: query)
        guard !output.isEmpty else {
            while call.console.outputFailure == nil, let bytes = try response.read(maximum: 1 << 20) {
                call.console.out(bytes: bytes)
            }
            return 0
        }
        let temporary = output + ".tmp-\(getpid())"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandError("failed to save image: open \(temporary): \(ErrnoText.current)")
        }
        do {
            defer { close(descriptor) }
            while let bytes = try response.read(maximum: 1 << 20) {
                guard Console.write(bytes, to: descriptor) else {
                    throw CommandError("write \(output): \(ErrnoText.current)")
                }
            }
        } catch {
            unlink(temporary)
            throw error
        }
        guard Glibc.rename(temporary, output) == 0 else {
            let reason = ErrnoText.current
            unlink(temporary)
            throw CommandError("failed to save image: rename \(output): \(reason)")
        }
        return 0
    }

    private static func checkOutput(_ path: String) throws {
        var status = stat()
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        guard stat(folder, &status) == 0 else {
            throw CommandError("failed to save image: invalid output path: stat \(folder): \(ErrnoText.current)")
        }
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            if status.st_mode & S_IFMT == S_IFDIR {
                throw CommandError("failed to save image: cannot write to a directory")
            }
            throw CommandError("failed to save image: invalid output path: \(Quoted.go(path)) must be a regular file")
        }
    }

    static func importImage(_ call: Invocation) throws -> Int32 {
        let source = call.operands[0]
        let flags = call.flags
        let isURL = source.hasPrefix("http://") || source.hasPrefix("https://")
        var query = [("fromSrc", isURL ? source : "-")]
        if call.operands.count > 1 {
            let parts = try ImageName.parse(call.operands[1])
            query.append(("repo", parts.familiarName + (parts.tag.map { ":" + $0 } ?? "")))
        }
        if !flags.string("message").isEmpty { query.append(("message", flags.string("message"))) }
        for change in flags.list("change") { query.append(("changes", change)) }
        if !flags.string("platform").isEmpty { query.append(("platform", flags.string("platform").lowercased())) }
        var body = DockerClient.Body.none
        var descriptor: Int32 = 0
        if !isURL {
            if source != "-" {
                descriptor = open(source, O_RDONLY | O_CLOEXEC)
                guard descriptor >= 0 else { throw CommandError("open \(source): \(ErrnoText.current)") }
                try refuseFolder(descriptor, source)
            }
            body = .stream(contentType: "text/plain", next: reader(descriptor))
        }
        defer { if descriptor > 0 { close(descriptor) } }
        let response = try call.client().call("POST", "/images/create", query: query, body: body)
        try ImageTransfer.show(response, call, quiet: false, toError: false)
        return 0
    }
}
