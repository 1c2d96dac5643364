// SPDX-License-Identifier: Apache-2.0
// `info`: what the daemon says of itself and its machine.
import DockerClient
import JSON

/// `apus info`.
enum InfoCommand {
    static func run(_ call: Invocation) throws -> Int32 {
        var source = call.flags.string("format")
        if source == "json" { source = "{{json .}}" }
        var info: JSONValue = .object(JSONObject())
        var failure: (any Error)?
        do { info = try call.client().json("GET", "/info") } catch { failure = error }
        let client: JSONValue = [
            "Debug": .bool(call.settings.isDebug), "Version": .string(Version.current),
            "GitCommit": .string(BuildInformation.commit),
            "GoVersion": .string(BuildInformation.compiler), "Os": "linux",
            "Arch": .string(BuildInformation.architecture),
            "BuildTime": .string(BuildInformation.time), "Context": .string(try call.settings.contextName()),
            "Plugins": [],
            "Warnings": .null,
        ]
        if !source.isEmpty {
            let template: Template
            do { template = try Template(source) } catch { throw ExitError(64, "template parsing error: \(error)") }
            var all = info.object ?? JSONObject()
            all["ServerErrors"] = .array(failure.map { [.string("\($0)")] } ?? [])
            all["ClientInfo"] = client
            let text: String
            do { text = try template.execute(.json(.object(all))) } catch {
                call.console.line("")
                throw error
            }
            call.console.line(text)
            return 0
        }
        call.console.out(
            "Client:\n Version:    \(Version.current)\n Context:    \(client["Context"]?.string ?? "")\n"
                + " Debug Mode: \(call.settings.isDebug)\n\nServer:\n")
        if let failure {
            call.console.flush()
            throw failure
        }
        call.console.out(server(info))
        for warning in info["Warnings"]?.strings ?? [] { call.console.err("\(warning)\n") }
        return 0
    }

    static func server(_ info: JSONValue) -> String {
        var lines: [String] = []
        func text(_ key: String) -> String { info[key].map { TemplateValue.json($0).text } ?? "" }
        func add(_ label: String, _ value: String, level: Int = 1) {
            lines.append(String(repeating: " ", count: level) + "\(label): \(value)")
        }
        func addIfSet(_ label: String, _ key: String) { if !text(key).isEmpty { add(label, text(key)) } }
        add("Containers", text("Containers"))
        for name in ["Running", "Paused", "Stopped"] { add(name, text("Containers\(name)"), level: 2) }
        add("Images", text("Images"))
        addIfSet("Server Version", "ServerVersion")
        addIfSet("Storage Driver", "Driver")
        for pair in info["DriverStatus"]?.array ?? [] { add(pair[0]?.string ?? "", pair[1]?.string ?? "", level: 2) }
        addIfSet("Logging Driver", "LoggingDriver")
        addIfSet("Cgroup Driver", "CgroupDriver")
        addIfSet("Cgroup Version", "CgroupVersion")
        lines.append(" Plugins:")
        for name in ["Volume", "Network", "Authorization", "Log"] {
            let plugins = info["Plugins"]?[name]?.strings ?? []
            if name != "Authorization" || !plugins.isEmpty { add(name, plugins.joined(separator: " "), level: 2) }
        }
        add("Swarm", info["Swarm"]?["LocalNodeState"]?.string ?? "inactive")
        if let runtimes = info["Runtimes"]?.object { add("Runtimes", runtimes.keys.sorted().joined(separator: " ")) }
        addIfSet("Default Runtime", "DefaultRuntime")
        addIfSet("Init Binary", "InitBinary")
        if let id = info["ContainerdCommit"]?["ID"]?.string, !id.isEmpty { add("containerd version", id) }
        if let id = info["RuncCommit"]?["ID"]?.string, !id.isEmpty { add("runc version", id) }
        if let id = info["InitCommit"]?["ID"]?.string { add("init version", id) }
        if let options = info["SecurityOptions"]?.strings, !options.isEmpty {
            lines.append(" Security Options:")
            for option in options {
                for (index, pair) in option.split(separator: ",").enumerated() {
                    guard let (key, value) = Text.cut(pair, "=") else { continue }
                    lines.append(
                        index == 0 && key == "name"
                            ? "  \(value)" : "   \(key == "profile" ? "Profile" : key): \(value)")
                }
            }
        }
        addIfSet("Kernel Version", "KernelVersion")
        addIfSet("Operating System", "OperatingSystem")
        addIfSet("OSType", "OSType")
        addIfSet("Architecture", "Architecture")
        add("CPUs", text("NCPU"))
        add("Total Memory", SizeBinary.text(info["MemTotal"]?.int ?? 0))
        addIfSet("Name", "Name")
        addIfSet("ID", "ID")
        add("Docker Root Dir", text("DockerRootDir"))
        add("Debug Mode", text("Debug"))
        for (label, key) in [("HTTP Proxy", "HttpProxy"), ("HTTPS Proxy", "HttpsProxy"), ("No Proxy", "NoProxy")] {
            addIfSet(label, key)
        }
        if let labels = info["Labels"]?.strings, !labels.isEmpty {
            lines.append(" Labels:")
            lines += labels.map { "  " + $0 }
        }
        add("Experimental", text("ExperimentalBuild"))
        if let registries = info["RegistryConfig"] {
            lines.append(" Insecure Registries:")
            for (name, entry) in (registries["IndexConfigs"]?.object?.fields ?? []).sorted(by: { $0.key < $1.key })
            where entry["Secure"]?.bool == false {
                lines.append("  " + name)
            }
            lines += (registries["InsecureRegistryCIDRs"]?.strings ?? []).map { "  " + $0 }
            if let mirrors = registries["Mirrors"]?.strings, !mirrors.isEmpty {
                lines.append(" Registry Mirrors:")
                lines += mirrors.map { "  " + $0 }
            }
        }
        add("Live Restore Enabled", text("LiveRestoreEnabled"))
        addIfSet("Product License", "ProductLicense")
        if let pools = info["DefaultAddressPools"]?.array, !pools.isEmpty {
            lines.append(" Default Address Pools:")
            for pool in pools {
                lines.append("   Base: \(pool["Base"]?.string ?? ""), Size: \(pool["Size"]?.int ?? 0)")
            }
        }
        return lines.joined(separator: "\n") + "\n\n"
    }
}
