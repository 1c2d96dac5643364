// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// The layer table of apus: lowest layer first. An import against the direction of the layers does not load.
import Glibc
import PackageDescription

enum Layer {
    case base, platform, formats, runtime, drivers, engine, server, client, programs

    var folder: String {
        switch self {
        case .base: "Base"
        case .platform: "Platform"
        case .formats: "Formats"
        case .runtime: "Runtime"
        case .drivers: "Drivers"
        case .engine: "Engine"
        case .server: "Server"
        case .client: "Client"
        case .programs: "Programs"
        }
    }

    /// The layers whose targets this one may import (docs/ARCHITECTURE.md, "Layers").
    func mayImport(_ other: Layer) -> Bool {
        switch self {
        case .base: other == .base
        case .platform: [.base, .platform].contains(other)
        case .formats: [.base, .formats].contains(other)
        case .runtime: [.base, .platform, .formats].contains(other)
        case .drivers: [.base, .platform, .formats, .drivers].contains(other)
        case .engine: [.base, .platform, .formats, .drivers, .engine].contains(other)
        case .server: [.base, .platform, .formats, .drivers, .engine, .server].contains(other)
        case .client: [.base, .platform, .formats, .client].contains(other)
        case .programs: true
        }
    }
}

/// `make check` sets it; users' compilers may know warnings that ours does not.
let isStrict = Context.environment["APUS_STRICT"] != nil

/// Path of libFuzzer's archive, when `make fuzz` builds: everything is built with its counters then.
let fuzzer = Context.environment["APUS_FUZZ"]

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("ExistentialAny"),
        // glibc's Linux-only declarations (pipe2, accept4 …); C and Swift must see the same headers.
        .unsafeFlags(["-Xcc", "-D_GNU_SOURCE"]),
    ] + (isStrict ? [.treatAllWarnings(as: .error)] : []) + (fuzzer == nil ? [] : [.unsafeFlags(["-sanitize=fuzzer"])])

var layerOf: [String: Layer] = [:]

/// One target of our own: `imports` name targets declared above it, `products` name libraries of other packages.
@MainActor func target(
    _ layer: Layer, _ name: String, _ imports: [String] = [], products: [Target.Dependency] = [],
    executable: Bool = false, linker: [LinkerSetting] = []
) -> Target {
    for other in imports {
        precondition(
            layerOf[other].map(layer.mayImport) ?? false,
            "\(layer.folder)/\(name) must not import \(other)")
    }
    layerOf[name] = layer
    let dependencies = imports.map { Target.Dependency.byName(name: $0) } + products
    let path = "Sources/\(layer.folder)/\(name)"
    let texts = access("\(Context.packageDirectory)/\(path)/README.md", F_OK) == 0 ? ["README.md"] : []
    if executable {
        return .executableTarget(
            name: name, dependencies: dependencies, path: path, exclude: texts, swiftSettings: settings,
            linkerSettings: linker)
    }
    return .target(
        name: name, dependencies: dependencies, path: path, exclude: texts, swiftSettings: settings,
        linkerSettings: linker)
}

/// A C library of the system: a module map, nothing else.
@MainActor func systemLibrary(_ name: String, _ package: String) -> Target {
    layerOf[name] = .platform
    return .systemLibrary(
        name: name, path: "Sources/Platform/CLibraries/\(name)", pkgConfig: nil, providers: [.apt([package])])
}

@MainActor func cTarget(_ name: String) -> Target {
    layerOf[name] = .platform
    return .target(name: name, path: "Sources/Platform/\(name)", cSettings: [.define("_GNU_SOURCE")])
}

@MainActor func unitTests(_ name: String, _ imports: [String], products: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: imports.map { .byName(name: $0) } + products,
        path: "Tests/Unit/\(name)Tests", swiftSettings: settings)
}

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
]
let http: [Target.Dependency] =
    nio + [
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
    ]
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")

let package = Package(
    name: "apus",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    ],
    targets: [
        target(.base, "Primitives"),
        target(.base, "JSON"),

        cTarget("CLinux"),
        cTarget("CBuild"),
        systemLibrary("CSeccomp", "libseccomp-dev"),
        systemLibrary("CNftables", "libnftables-dev"),
        systemLibrary("CIsal", "libisal-dev"),
        systemLibrary("CZlib", "zlib1g-dev"),
        systemLibrary("CZstd", "libzstd-dev"),
        systemLibrary("CSQLite", "libsqlite3-dev"),
        systemLibrary("CCrypt", "libcrypt-dev"),
        target(.platform, "Linux", ["CLinux"]),
        target(.platform, "AsyncSystem", ["CLinux", "Linux"]),
        target(.platform, "Netlink", ["Primitives", "CLinux", "Linux"]),
        target(.platform, "SQLite", ["CSQLite"]),
        target(.platform, "HTTP", ["Primitives", "JSON", "CLinux", "Linux"], products: http + [crypto, logging]),

        target(.formats, "OCI", ["Primitives", "JSON"]),
        target(.formats, "DockerAPI", ["Primitives", "JSON"]),
        target(.formats, "Archive", ["Primitives"]),

        target(.runtime, "ContainerRuntime", ["Primitives", "JSON", "CLinux", "Linux", "CSeccomp", "OCI"]),

        target(
            .drivers, "Storage",
            [
                "Primitives", "JSON", "CLinux", "Linux", "AsyncSystem", "SQLite", "OCI", "Archive", "CIsal", "CZlib",
                "CZstd",
            ],
            products: [crypto, logging]),
        target(
            .drivers, "Distribution", ["Primitives", "JSON", "Linux", "AsyncSystem", "OCI", "Storage"],
            products: [crypto, logging, asyncHTTPClient] + http),
        target(
            .drivers, "Networking",
            ["Primitives", "JSON", "CLinux", "Linux", "AsyncSystem", "Netlink", "SQLite", "CNftables"],
            products: [logging]),
        target(
            .drivers, "Tasks", ["Primitives", "JSON", "CLinux", "Linux", "AsyncSystem", "OCI"], products: [logging]),

        target(
            .engine, "Engine",
            [
                "Primitives", "JSON", "CBuild", "CLinux", "Linux", "AsyncSystem", "SQLite", "OCI", "DockerAPI",
                "Archive", "Storage",
                "Distribution", "Networking", "Tasks",
            ], products: [logging]),

        target(
            .server, "DaemonAPI",
            ["Primitives", "JSON", "Linux", "AsyncSystem", "HTTP", "OCI", "DockerAPI", "Engine"],
            products: http + [logging]),
        target(
            .server, "RegistryServer",
            ["Primitives", "JSON", "CLinux", "Linux", "AsyncSystem", "CCrypt", "HTTP", "OCI", "Distribution"],
            products: [crypto, logging]),

        target(
            .client, "DockerClient", ["Primitives", "JSON", "CLinux", "Linux"],
            products: nio + [
                .product(name: "NIOSSL", package: "swift-nio-ssl"), .product(name: "NIOTLS", package: "swift-nio"),
            ]),
        target(.client, "CLI", ["Primitives", "JSON", "CBuild", "CLinux", "Linux", "DockerClient"]),

        target(.programs, "apus", ["CLI"], executable: true),
        target(
            .programs, "apusd",
            [
                "Primitives", "JSON", "CLinux", "Linux", "AsyncSystem", "HTTP", "DockerAPI", "Storage", "Distribution",
                "Networking", "Tasks", "Engine", "DaemonAPI",
            ], products: [logging] + nio, executable: true),
        target(.programs, "apus-registry", ["RegistryServer"], executable: true),
        target(
            .programs, "apus-runtime", ["ContainerRuntime"], executable: true,
            linker: [.unsafeFlags(["-static-executable"])]),
        // Stripped always: the daemon carries this program inside the hello-world image.
        target(
            .programs, "apus-hello", executable: true,
            linker: [.unsafeFlags(["-static-executable", "-Xlinker", "--gc-sections", "-Xlinker", "-s"])]),

        unitTests("Primitives", ["Primitives"]),
        unitTests("JSON", ["JSON"]),
        unitTests("AsyncSystem", ["AsyncSystem", "Linux"]),
        unitTests("HTTP", ["Primitives", "CLinux", "Linux", "AsyncSystem", "HTTP"], products: [logging]),
        unitTests("OCI", ["OCI", "Primitives", "JSON"]),
        unitTests("OCIImage", ["OCI", "Primitives", "JSON"]),
        unitTests("Archive", ["Archive"]),
        unitTests("SQLite", ["SQLite"]),
        unitTests(
            "Storage",
            ["Primitives", "JSON", "CLinux", "Linux", "SQLite", "OCI", "Archive", "CZlib", "CZstd", "Storage"],
            products: [crypto]),
        unitTests(
            "Distribution",
            ["Primitives", "JSON", "Linux", "SQLite", "OCI", "Archive", "HTTP", "Storage", "Distribution"],
            products: [crypto, logging]),
        unitTests("ContainerRuntime", ["ContainerRuntime", "JSON", "Linux", "OCI"]),
        unitTests("Tasks", ["Tasks", "Primitives", "JSON", "CLinux", "Linux", "AsyncSystem", "OCI"]),
        unitTests("Netlink", ["Netlink"]),
        unitTests(
            "Networking", ["Primitives", "CLinux", "Linux", "AsyncSystem", "Netlink", "SQLite", "Networking"],
            products: [logging]),
        unitTests("DockerAPI", ["Primitives", "JSON", "DockerAPI"]),
        unitTests("DockerClient", ["DockerClient"]),
        unitTests("CLI", ["JSON", "CLI"]),
        unitTests(
            "DaemonAPI",
            ["Primitives", "JSON", "CLinux", "Linux", "AsyncSystem", "HTTP", "DockerAPI", "Engine", "DaemonAPI"],
            products: [logging]),
        unitTests(
            "Registry", ["Primitives", "JSON", "Linux", "AsyncSystem", "HTTP", "OCI", "RegistryServer"],
            products: [crypto, logging]),
        unitTests("Engine", ["Primitives", "JSON", "DockerAPI", "Networking", "Tasks", "Engine"]),
    ]
        + (fuzzer.map { archive in
            [
                .executableTarget(
                    name: "apus-fuzz", dependencies: ["JSON", "CLinux", "Linux", "OCI", "Tasks", "ContainerRuntime"],
                    path: "Tests/Fuzz", exclude: ["corpus"], swiftSettings: settings,
                    linkerSettings: [.unsafeFlags([archive, "-lstdc++"])])
            ]
        } ?? [])
)
