// SPDX-License-Identifier: Apache-2.0
// One life of the daemon: lock, engine, listeners, signals, an orderly end.
import CLinux
import DaemonAPI
import Engine
import Glibc
import HTTP
import Logging
import Primitives

/// Containers stay when it ends: they belong to their shims.
struct Daemon {
    private let configuration: DaemonConfiguration
    private let logger: Logger

    init(_ configuration: DaemonConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    func run(_ signals: ProcessSignals) async throws {
        let lock = try DataRootLock(
            dataRoot: configuration.dataRoot, execRoot: configuration.execRoot, pidfile: configuration.pidfile)
        let engine = try await ContainerEngine.open(configuration, programs: try Self.programs(), logger: logger)
        let server = APIServer(engine: engine, version: Build.version, logger: logger)
        try await server.listen(on: try configuration.effectiveHosts.flatMap(addresses))
        let metrics = MetricsServer(engine: engine, logger: logger)
        do {
            if let address = configuration.metricsAddress { try await metrics.listen(on: Self.tcpAddress(address)) }
        } catch {
            await server.close()
            await engine.shutdown()
            throw error
        }
        logger.info("API listen on \(configuration.effectiveHosts.joined(separator: ", "))")
        tellUser()
        ServiceManager.notify("READY=1")
        // Much of the program is needed only to open the stores.
        apus_trim_pages()
        while true {
            let signal = try await signals.next()
            guard signal == SIGHUP else { break }
            reload(engine)
        }
        logger.info("stopping; containers keep running")
        ServiceManager.notify("STOPPING=1")
        // Requests that still run need the engine.
        await metrics.close()
        await server.close()
        let isIdle = engine.isIdle
        await engine.shutdown()
        lock.release()
        if configuration.rootless != nil, isIdle { RootlessHolder(folder: configuration.rootlessFolder).end() }
    }

    /// Clients look for the machine's daemon first: a user's own must be named.
    private func tellUser() {
        guard let rootless = configuration.rootless, let host = configuration.effectiveHosts.first else { return }
        logger.info("clients reach this rootless daemon after: export DOCKER_HOST=\(host)")
        if rootless.controlGroup == nil {
            logger.warning("no control group was delegated: limits of containers are discarded (docs/rootless.md)")
        }
    }

    private func reload(_ engine: ContainerEngine) {
        do {
            let changed = try engine.reload()
            if let debug = changed["debug"] { DaemonLog.setLevel(debug == "true" ? "debug" : configuration.logLevel) }
            logger.info("configuration reloaded", metadata: ["changed": "\(changed.keys.sorted())"])
        } catch {
            logger.error("configuration not reloaded", metadata: ["error": "\(error)"])
        }
    }

    /// The file of this program.
    static func program() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { readlink("/proc/self/exe", $0, bytes.count) } ?? -1
        }
        guard count > 0 else { throw EngineError.internalError("cannot find the file of this program") }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// The folder with apus-runtime and apus-hello: that of this program.
    static func programs() throws -> String {
        let file = try program()
        let folder = String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)])
        guard access(folder + "/apus-runtime", X_OK) == 0 else {
            throw EngineError.notFound("\(folder)/apus-runtime is missing: it must lie beside apusd")
        }
        return folder
    }

    /// `HOST:PORT`, checked when the configuration was read; an IPv6 address stands in brackets.
    private static func tcpAddress(_ text: String) -> ListenAddress {
        let colon = text.lastIndex(of: ":") ?? text.endIndex
        let host = text[..<colon].filter { $0 != "[" && $0 != "]" }
        return .tcp(host: host.isEmpty ? "0.0.0.0" : host, port: Int(text[colon...].dropFirst()) ?? 0)
    }

    private func addresses(_ host: String) throws -> [ListenAddress] {
        if host.hasPrefix("unix://") {
            return [.unix(path: String(host.dropFirst("unix://".count)), group: try group())]
        }
        if host.hasPrefix("fd://") { return try ServiceManager.listeningDescriptors().map { .descriptor($0) } }
        let name = DaemonConfiguration.tcpHost(host)
        let usesTLS = configuration.tls || configuration.tlsVerify
        let port = host.split(separator: ":").last.flatMap { Int($0.prefix { $0 != "/" }) } ?? (usesTLS ? 2376 : 2375)
        let address = name.isEmpty ? "0.0.0.0" : name
        guard usesTLS, let certificate = configuration.tlsCertificate, let key = configuration.tlsKey else {
            return [.tcp(host: address, port: port)]
        }
        let files = TLSFiles(
            certificate: certificate, key: key, authority: configuration.tlsCACertificate,
            verifiesClients: configuration.tlsVerify)
        return [.tls(host: address, port: port, files)]
    }

    /// The group of the socket: the one named, which must exist, else `docker` or `apus` where there is one.
    private func group() throws -> UInt32? {
        // The user's own socket: the machine's groups have no number in here.
        if configuration.rootless != nil { return nil }
        if let name = configuration.group {
            if name.isEmpty { return nil }
            if let number = UInt32(name) { return number }
            guard let entry = getgrnam(name) else { throw EngineError.notFound("group \(name) not found") }
            return entry.pointee.gr_gid
        }
        for name in ["docker", "apus"] {
            if let entry = getgrnam(name) { return entry.pointee.gr_gid }
        }
        return nil
    }
}
