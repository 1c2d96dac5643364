// SPDX-License-Identifier: Apache-2.0
// The command line of apus-registry, as a value.
import HTTP
import Primitives

/// What the program was told to do.
enum RegistryCommand: Sendable, Equatable {
    case serve(RegistryOptions)
    case collect(root: String, grace: Int, uploadExpiry: Int, removesUntagged: Bool)
    case verify(root: String)
    case help
    case version

    static let usage = """
        Usage:  apus-registry COMMAND

        A registry of container images (OCI distribution-spec 1.1)

        Commands:
          serve             Serve a folder
          garbage-collect   Remove what no repository needs, also while a server runs
          verify            Read the whole folder and say what is wrong with it

        Options of serve:
          --root DIR                  Folder of the registry (made when missing)
          --listen ADDRESS            HOST:PORT or unix:///PATH, may be given several times (default 127.0.0.1:5000)
          --tls-cert FILE             Certificate chain (PEM)
          --tls-key FILE              Its key (PEM)
          --htpasswd FILE             Users with bcrypt hashes (htpasswd -B); without it nobody is asked
          --rights FILE               Who may pull, push and delete in which repositories (JSON)
          --proxy URL                 Serve copies of another registry (https://HOST[:PORT]); nothing can be pushed then
          --proxy-user NAME           User at that registry
          --proxy-password-file FILE  File with that user's password
          --gc-interval DURATION      Time between garbage collections, 0 for none (default 1h)
          --gc-grace DURATION         How long content that nothing refers to is kept (default 1h)
          --upload-expiry DURATION    How long an upload nobody goes on with is kept (default 24h)
          --max-uploads NUMBER        How many uploads may be in progress (default 4096)
          --log-level LEVEL           debug, info, warn or error (default info)

        Options of garbage-collect:
          --root DIR, --gc-grace DURATION, --upload-expiry DURATION
          --delete-untagged           Also manifests that no tag, index or subject leads to

        Options of verify:
          --root DIR

        """

    /// Reads arguments without the program's name.
    init(parsing arguments: [String]) throws {
        guard let verb = arguments.first else { throw Self.misuse("a command is missing") }
        if arguments.contains(where: { ["--help", "-h"].contains($0) }) || verb == "help" {
            self = .help
            return
        }
        if ["--version", "-v", "version"].contains(verb) {
            self = .version
            return
        }
        guard let known = Self.flags[verb] else { throw Self.misuse("unknown command: \(verb)") }
        let values = try Self.values(arguments.dropFirst(), known, verb)
        guard let root = values["--root"]?.last, !root.isEmpty else { throw Self.misuse("--root is missing") }
        let grace = try Self.seconds(values["--gc-grace"]?.last ?? "1h", "--gc-grace")
        let expiry = try Self.seconds(values["--upload-expiry"]?.last ?? "24h", "--upload-expiry")
        switch verb {
        case "serve": self = .serve(try Self.options(root, grace, expiry, values))
        case "garbage-collect":
            self = .collect(
                root: root, grace: grace, uploadExpiry: expiry, removesUntagged: values["--delete-untagged"] != nil)
        default: self = .verify(root: root)
        }
    }

    private static let flags: [String: Set<String>] = [
        "serve": [
            "--root", "--listen", "--tls-cert", "--tls-key", "--htpasswd", "--rights", "--proxy", "--proxy-user",
            "--proxy-password-file", "--gc-interval", "--gc-grace", "--upload-expiry", "--max-uploads", "--log-level",
        ],
        "garbage-collect": ["--root", "--gc-grace", "--upload-expiry", "--delete-untagged"],
        "verify": ["--root"],
    ]

    private static func misuse(_ message: String) -> EngineError {
        .invalidArgument("\(message)\nSee 'apus-registry --help'.")
    }

    private static func values(
        _ arguments: ArraySlice<String>, _ known: Set<String>, _ verb: String
    ) throws -> [String: [String]] {
        var values: [String: [String]] = [:]
        var rest = arguments
        while let word = rest.popFirst() {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let name = parts.first, known.contains(name) else {
                throw misuse("unknown argument of \(verb): \(word)")
            }
            if name == "--delete-untagged" {
                guard parts.count == 1 else { throw misuse("\(name) takes no value") }
                values[name] = [""]
                continue
            }
            guard let value = parts.count > 1 ? parts[1] : rest.popFirst() else {
                throw misuse("\(name) needs a value")
            }
            values[name, default: []].append(value)
        }
        return values
    }

    private static func options(
        _ root: String, _ grace: Int, _ expiry: Int, _ values: [String: [String]]
    ) throws -> RegistryOptions {
        func one(_ name: String) -> String? { values[name]?.last }
        var tls: TLSFiles?
        switch (one("--tls-cert"), one("--tls-key")) {
        case (let certificate?, let key?):
            tls = TLSFiles(certificate: certificate, key: key, authority: nil, verifiesClients: false)
        case (nil, nil): break
        default: throw misuse("--tls-cert and --tls-key belong together")
        }
        guard one("--proxy") != nil || one("--proxy-user") == nil && one("--proxy-password-file") == nil else {
            throw misuse("--proxy-user and --proxy-password-file need --proxy")
        }
        guard (one("--proxy-user") == nil) == (one("--proxy-password-file") == nil) else {
            throw misuse("--proxy-user and --proxy-password-file belong together")
        }
        guard let uploads = Int(one("--max-uploads") ?? "4096"), (1...1_000_000).contains(uploads) else {
            throw misuse("--max-uploads is a number from 1 on")
        }
        let level = one("--log-level") ?? "info"
        guard ["debug", "info", "warn", "error"].contains(level) else {
            throw misuse("--log-level is debug, info, warn or error")
        }
        return RegistryOptions(
            root: root, listen: try (values["--listen"] ?? ["127.0.0.1:5000"]).map { try address($0, tls) },
            isSecure: tls != nil, htpasswd: one("--htpasswd"), rights: one("--rights"), proxy: one("--proxy"),
            proxyUser: one("--proxy-user"), proxyPasswordFile: one("--proxy-password-file"),
            collectionInterval: try seconds(one("--gc-interval") ?? "1h", "--gc-interval"), grace: grace,
            uploadExpiry: expiry, maximumUploads: uploads, logLevel: level)
    }

    /// `HOST:PORT`, `[::1]:PORT`, `:PORT` or `unix:///PATH`.
    private static func address(_ text: String, _ tls: TLSFiles?) throws -> ListenAddress {
        if text.hasPrefix("unix://") {
            guard tls == nil else { throw misuse("TLS is for TCP, not for \(text)") }
            return .unix(path: String(text.dropFirst("unix://".count)), group: nil)
        }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw misuse("--listen is HOST:PORT, not \(text)") }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host.isEmpty { host = "0.0.0.0" }
        return tls.map { .tls(host: host, port: port, $0) } ?? .tcp(host: host, port: port)
    }

    /// `90s`, `15m`, `1h`, `7d`, or seconds.
    static func seconds(_ text: String, _ flag: String) throws -> Int {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        let unit = text.last.flatMap { units[$0] }
        let digits = unit == nil ? text[...] : text.dropLast()
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits),
            number <= 1_000_000_000
        else { throw misuse("\(flag) is a time such as 90s, 15m, 1h or 7d, not \(text)") }
        return number * (unit ?? 1)
    }
}

/// How to serve.
struct RegistryOptions: Sendable, Equatable {
    var root: String
    var listen: [ListenAddress]
    var isSecure: Bool
    var htpasswd: String?
    var rights: String?
    var proxy: String?
    var proxyUser: String?
    var proxyPasswordFile: String?
    /// Seconds; 0 for never.
    var collectionInterval: Int
    var grace: Int
    var uploadExpiry: Int
    var maximumUploads: Int
    var logLevel: String
}

extension ListenAddress {
    /// As the log shows it.
    var text: String {
        switch self {
        case .unix(let path, _): "unix://\(path)"
        case .tcp(let host, let port): "http://\(host):\(port)"
        case .tls(let host, let port, _): "https://\(host):\(port)"
        case .descriptor(let fd): "fd://\(fd)"
        }
    }
}
