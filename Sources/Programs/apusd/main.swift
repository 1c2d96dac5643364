// SPDX-License-Identifier: Apache-2.0
// The daemon: reads its configuration, opens its data root, serves the API until it is told to stop.
import Engine
import Glibc
import Logging
import Primitives

let configuration: DaemonConfiguration
do {
    configuration = try DaemonConfiguration.read(arguments: Array(CommandLine.arguments.dropFirst()))
} catch {
    fail("\(error)")
}
if configuration.showsHelp {
    print(DaemonConfiguration.usage)
    exit(0)
}
if configuration.showsVersion {
    print("apus version \(Build.version), build \(Build.commit)")
    exit(0)
}
if configuration.validatesOnly {
    print("configuration OK")
    exit(0)
}
if let rootless = configuration.rootless, !rootless.isInside {
    do {
        try RootlessStart(rootless: rootless, configuration: configuration, programs: try Daemon.programs()).enter()
    } catch {
        fail("apusd cannot run without root privileges: \(error)")
    }
}
DaemonLog.install(level: configuration.debug ? "debug" : configuration.logLevel)
let signals = ProcessSignals.install()
do {
    try await Daemon(configuration, logger: Logger(label: "apusd")).run(signals)
} catch {
    if configuration.rootless != nil { RootlessHolder(folder: configuration.rootlessFolder).endIfUnused() }
    fail("failed to start daemon: \(error)")
}

/// Says why and ends with dockerd's exit code.
func fail(_ message: String) -> Never {
    DaemonLog.write(message + "\n")
    exit(1)
}
