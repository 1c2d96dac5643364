// SPDX-License-Identifier: Apache-2.0
// Carrying out a command of apus-registry; its end is the exit code.
import AsyncSystem
import CLinux
import Glibc
import Linux
import Logging
import Primitives

/// The program behind `apus-registry`.
package enum RegistryProgram {
    package static let version = "0.1.0"

    package static func run(_ arguments: [String]) async -> Int32 {
        do {
            switch try RegistryCommand(parsing: arguments) {
            case .help: print(RegistryCommand.usage, terminator: "")
            case .version: print("apus-registry version \(version)")
            case .serve(let options): try await serve(options)
            case .collect(let root, let grace, let expiry, let removesUntagged):
                return try collect(root, grace, expiry, removesUntagged)
            case .verify(let root): return try verify(root)
            }
            return 0
        } catch {
            RegistryLog.write("apus-registry: \(error)\n")
            return 1
        }
    }

    private static func serve(_ options: RegistryOptions) async throws {
        RegistryLog.install(level: options.logLevel)
        let logger = Logger(label: "apus-registry")
        let signals = try TerminationSignals()
        let service = try await RegistryService(options, version: version, logger: logger)
        logger.info(
            "serving \(options.root)", metadata: ["listen": "\(options.listen.map(\.text).joined(separator: " "))"])
        if options.htpasswd == nil, options.rights == nil, options.proxy == nil {
            logger.warning("no users and no rights: whoever reaches this registry may change everything in it")
        }
        try await signals.next()
        logger.info("stopping")
        await service.close()
    }

    private static func collect(_ root: String, _ grace: Int, _ expiry: Int, _ removesUntagged: Bool) throws -> Int32 {
        let store = try open(root)
        let outcome = try GarbageCollector(
            store: store, grace: grace, uploadExpiry: expiry, removesUntagged: removesUntagged
        ).run()
        print("removed \(outcome)")
        for name in outcome.damaged {
            RegistryLog.write("apus-registry: \(name) is damaged; its repository was left alone\n")
        }
        return outcome.damaged.isEmpty ? 0 : 1
    }

    private static func verify(_ root: String) throws -> Int32 {
        let problems = try StoreVerification(store: try open(root)).problems()
        for problem in problems { print(problem) }
        if problems.isEmpty { print("all is well") }
        return problems.isEmpty ? 0 : 1
    }

    /// A typing mistake must not make an empty registry.
    private static func open(_ root: String) throws -> RegistryStore {
        guard TextFile.exists(root + "/version") else {
            throw EngineError.notFound("\(root) is not the folder of a registry")
        }
        return try RegistryStore(root: root)
    }
}

/// The write end of the pipe that the handler tells its signal; a handler may touch nothing but such a number.
nonisolated(unsafe) private var wakeup: Int32 = -1

/// SIGTERM and SIGINT through a pipe; SIGPIPE is ignored, writes report it.
private struct TerminationSignals: ~Copyable {
    private let reader: OwnedFD

    init() throws {
        let ends = try OwnedFD.pipe(flags: O_NONBLOCK).release()
        reader = OwnedFD(ends.reader)
        // Never closed: a signal may come at any time.
        wakeup = ends.writer
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGTERM, SIGINT] {
            signal(number) { number in
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(wakeup, &byte, 1)
            }
        }
    }

    func next() async throws {
        while true {
            var byte: UInt8 = 0
            if read(reader.raw, &byte, 1) == 1 { return }
            try await Reactor.shared.readable(reader.raw)
        }
    }
}
