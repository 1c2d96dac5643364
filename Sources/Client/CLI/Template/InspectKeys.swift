// SPDX-License-Identifier: Apache-2.0
// How a field name of a template meets the keys of the daemon's JSON: Go's spelling, absent optional fields, typed nils.
import JSON

/// Rules for looking up a key as the stock client's Go structs behave.
enum InspectKeys {
    /// Null in JSON, a map in Go: prints `map[]`.
    private static let maps: Set<String> = [
        "Labels", "Volumes", "Sysctls", "StorageOpt", "Tmpfs", "PortBindings", "ExposedPorts", "Options", "Ports",
        "Networks",
        "DriverOpts", "Annotations", "Containers", "ConfigOnly", "Data", "LogOpts", "Opts", "IPAMOptions", "Status",
    ]
    /// Null in JSON, a pointer in Go: prints `<nil>`.
    private static let pointers: Set<String> = [
        "MemorySwappiness", "OomKillDisable", "PidsLimit", "Init", "Health", "Healthcheck", "IPAMConfig", "UsageData",
        "StopTimeout", "ClusterVolume", "GraphDriver", "ImageManifestDescriptor", "Descriptor",
        "SizeRw", "SizeRootFs",
    ]
    /// Fields Docker omits from its JSON when empty; a template may test them.
    private static let optional: Set<String> = [
        "Health", "Healthcheck", "StopSignal", "StopTimeout", "Shell", "MacAddress", "NetworkDisabled", "SizeRw",
        "SizeRootFs",
        "OnBuild", "ArgsEscaped", "Annotations", "Tmpfs", "Sysctls", "StorageOpt", "Init", "Variant", "OsVersion",
        "Parent",
        "Comment", "Author", "UsageData", "CreatedAt", "Mounts", "ExposedPorts", "Descriptor", "Manifests",
    ]

    /// The value for `name`; nil when that is an error.
    static func value(_ name: String, in object: JSONObject, parent: String, isLast: Bool) throws -> TemplateValue? {
        if let exact = object[name] { return typed(exact, name) }
        if maps.contains(parent) { return .missing }
        let folded = name.lowercased()
        if let field = object.fields.first(where: { $0.key.lowercased() == folded }), isGoSpelling(name, of: field.key)
        {
            return typed(field.value, field.key)
        }
        guard isLast, optional.contains(name) else { return nil }
        return maps.contains(name) ? .typedNil("map[]") : pointers.contains(name) ? .typedNil("<nil>") : .typedNil("")
    }

    /// `ID` for `Id`, `IP` for `Ip`: Go capitalises acronyms where the JSON does not.
    private static func isGoSpelling(_ name: String, of key: String) -> Bool {
        name.first?.isUppercase == true && !key.isEmpty
    }

    private static func typed(_ value: JSONValue, _ key: String) -> TemplateValue {
        guard value.isNull else { return .json(value) }
        return .typedNil(maps.contains(key) ? "map[]" : pointers.contains(key) ? "<nil>" : "[]")
    }
}
