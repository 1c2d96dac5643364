// SPDX-License-Identifier: Apache-2.0
// The daemon's settings, with the names and defaults that dockerd's users know.
package import DockerAPI
package import Networking
package import Tasks

/// What flags and daemon.json decide.
package struct DaemonConfiguration: Sendable {
    package var configFile = "/etc/apus/daemon.json"
    package var configFileIsExplicit = false
    package var hosts: [String] = []
    package var dataRoot = "/var/lib/apus"
    package var execRoot = "/run/apus"
    package var pidfile = "/run/apus/apusd.pid"
    package var group: String?
    package var logLevel = "info"
    package var debug = false
    package var tls = false
    package var tlsVerify = false
    package var tlsCACertificate: String?
    package var tlsCertificate: String?
    package var tlsKey: String?
    /// `HOST:PORT` of the endpoint for Prometheus; nil: none.
    package var metricsAddress: String?
    /// TCP without TLS beyond loopback: anybody who reaches the port is root on this machine.
    package var allowsInsecureTCP = false
    package var network = NetworkConfiguration()
    package var hasBridge = true
    package var insecureRegistries: [String] = []
    package var registryMirrors: [String] = []
    package var logDriver = "json-file"
    package var logOptions: [String: String] = ["max-size": "20m", "max-file": "5"]
    package var defaultUlimits: [Ulimit] = []
    package var defaultShmSize: Int64 = 67_108_864
    package var cgroupParent = ""
    package var usesInit = false
    package var noNewPrivileges = false
    /// Folders in which vendors describe their devices (Container Device Interface).
    package var cdiFolders = ["/etc/cdi", "/var/run/cdi"]
    /// `user[:group]` or `default`; empty: containers have the host's users.
    package var usernsRemap = ""
    /// `start:size`; empty: what /etc/subuid and /etc/subgid give to the user `containers`.
    package var usernsAutoPool = ""
    package var labels: [String] = []
    package var defaultRuntime = "apus"
    /// OCI runtimes beside our own, by name.
    package var runtimes: [String: OCIRuntime] = [:]
    package var validatesOnly = false
    package var showsVersion = false
    package var showsHelp = false

    /// The user who started the daemon, when that is not the machine's root.
    package var rootless: Rootless?

    package init() {}

    /// With an ordinary user's folders instead of the machine's.
    init(_ rootless: Rootless?) {
        self.rootless = rootless
        guard let rootless else { return }
        configFile = rootless.configFolder + "/daemon.json"
        dataRoot = rootless.dataFolder
        let folder = rootless.runtimeFolder ?? "/run/user/\(rootless.user)"
        execRoot = folder + "/apus"
        pidfile = folder + "/apus.pid"
    }

    /// The sockets to listen on; one of our own when none is named.
    package var effectiveHosts: [String] {
        if !hosts.isEmpty { return hosts }
        guard let rootless else { return ["unix://\(execRoot)/apus.sock"] }
        return ["unix://\(rootless.runtimeFolder ?? "/run/user/\(rootless.user)")/apus.sock"]
    }

    /// Where a rootless daemon keeps what its namespaces need.
    package var rootlessFolder: String { execRoot + "/rootless" }
}
