// SPDX-License-Identifier: Apache-2.0
// `info`: the state of the daemon in words.
import DockerClient
import JSON
import Primitives

/// Prints what the daemon says of itself.
enum InfoCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        let context = try call.settings.contextName()
        let clientInfo: JSONValue = [
            "Debug": .bool(call.settings.isDebug), "Version": .string(Version.current), "Context": .string(context), "Plugins": [],
        ]
        var info = try call.client().json("GET", "/info").object ?? JSONObject()
        let format = call.flags.string("format")
        if !format.isEmpty {
            info["ClientInfo"] = clientInfo
            if format == "json" {
                call.console.line(JSONValue.object(info).text(escapesHTML: true))
                return 0
            }
            do { call.console.line(try Template(format).execute(.json(.object(info)))) } catch {
                throw ExitError(64, "template parsing error: \(error)")
            }
            return 0
        }
        call.console.out(
            "Client: apus\n Version:    \(Version.current)\n Context:    \(context)\n Debug Mode: \(call.settings.isDebug)\n\nServer:\n")
        call.console.out(lines(.object(info)).map { $0 + "\n" }.joined() + "\n")
        for warning in info["Warnings"]?.strings ?? [] { call.console.err(warning + "\n") }
        return 0
    }

    private static func lines(_ info: JSONValue) -> [String] {
        var lines: [String] = []
        func text(_ key: String) -> String { info[key].map { GoPrint.text($0) } ?? "" }
        func add(_ title: String, _ key: String) {
            if let value = info[key], !value.isNull, value.string != "" { lines.append(" \(title): \(GoPrint.text(value))") }
        }
        lines += [
            " Containers: \(text("Containers"))", "  Running: \(text("ContainersRunning"))",
            "  Paused: \(text("ContainersPaused"))", "  Stopped: \(text("ContainersStopped"))", " Images: \(text("Images"))",
        ]
        add("Server Version", "ServerVersion")
        add("Storage Driver", "Driver")
        for pair in info["DriverStatus"]?.array ?? [] { lines.append("  \(pair[0]?.string ?? ""): \(pair[1]?.string ?? "")") }
        add("Logging Driver", "LoggingDriver")
        add("Cgroup Driver", "CgroupDriver")
        add("Cgroup Version", "CgroupVersion")
        lines.append(" Plugins:")
        for name in ["Volume", "Network", "Authorization", "Log"] {
            let plugins = info["Plugins"]?[name]?.strings ?? []
            if !plugins.isEmpty || name == "Volume" || name == "Network" || name == "Log" {
                lines.append("  \(name): " + plugins.joined(separator: " "))
            }
        }
        if let swarm = info["Swarm"]?["LocalNodeState"]?.string { lines.append(" Swarm: \(swarm)") }
        if let runtimes = info["Runtimes"]?.object { lines.append(" Runtimes: " + runtimes.keys.sorted().joined(separator: " ")) }
        add("Default Runtime", "DefaultRuntime")
        add("Init Binary", "InitBinary")
        for (title, key) in [("containerd version", "ContainerdCommit"), ("runc version", "RuncCommit"), ("init version", "InitCommit")] {
            if let commit = info[key]?["ID"]?.string { lines.append(" \(title): \(commit)") }
        }
        let options = info["SecurityOptions"]?.strings ?? []
        if !options.isEmpty { lines.append(" Security Options:") }
        for option in options {
            for part in Text.split(option, ",") {
                guard let (key, value) = Text.cut(part, "=") else { continue }
                lines.append(key == "name" ? "  \(value)" : "   \(key.prefix(1).uppercased() + key.dropFirst()): \(value)")
            }
        }
        add("Kernel Version", "KernelVersion")
        add("Operating System", "OperatingSystem")
        add("OSType", "OSType")
        add("Architecture", "Architecture")
        add("CPUs", "NCPU")
        lines.append(" Total Memory: " + ByteSize.humanBinary(info["MemTotal"]?.int ?? 0))
        add("Name", "Name")
        add("ID", "ID")
        add("Docker Root Dir", "DockerRootDir")
        add("Debug Mode", "Debug")
        for (title, key) in [("HTTP Proxy", "HttpProxy"), ("HTTPS Proxy", "HttpsProxy"), ("No Proxy", "NoProxy")] { add(title, key) }
        let labels = info["Labels"]?.strings ?? []
        if !labels.isEmpty { lines += [" Labels:"] + labels.map { "  \($0)" } }
        add("Experimental", "ExperimentalBuild")
        lines.append(" Insecure Registries:")
        for field in info["RegistryConfig"]?["IndexConfigs"]?.object?.fields ?? [] where field.value["Secure"]?.bool == false {
            lines.append("  \(field.key)")
        }
        for range in info["RegistryConfig"]?["InsecureRegistryCIDRs"]?.strings ?? [] { lines.append("  \(range)") }
        let mirrors = info["RegistryConfig"]?["Mirrors"]?.strings ?? []
        if !mirrors.isEmpty { lines += [" Registry Mirrors:"] + mirrors.map { "  \($0)" } }
        add("Live Restore Enabled", "LiveRestoreEnabled")
        return lines
    }
}
