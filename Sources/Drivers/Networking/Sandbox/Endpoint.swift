// SPDX-License-Identifier: Apache-2.0
// A container's attachment to a network, and what is asked of one.
package import Primitives

/// Transport of a published port.
package enum PortProtocol: String, Sendable, Hashable, Codable {
    case tcp, udp, sctp
}

/// A port to publish. `hostPort` 0 lets us choose; `hostAddress` nil means every address of the host, both families.
package struct PortMapping: Sendable, Hashable, Codable {
    package var transport: PortProtocol
    package var hostAddress: IPAddress?
    package var hostPort: UInt16
    /// Last port of the range one port is taken from (`-p 8000-9000:80`); nil or equal: exactly `hostPort`.
    package var hostPortEnd: UInt16?
    package var containerPort: UInt16

    package init(
        _ transport: PortProtocol = .tcp, hostAddress: IPAddress? = nil, hostPort: UInt16 = 0,
        hostPortEnd: UInt16? = nil, containerPort: UInt16
    ) {
        self.transport = transport
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.hostPortEnd = hostPortEnd
        self.containerPort = containerPort
    }
}

/// A published port as it came out: `NetworkSettings.Ports` lists these. `0.0.0.0` and `::` are two bindings.
package struct PortBinding: Sendable, Hashable, Codable {
    package var transport: PortProtocol
    package var hostAddress: IPAddress
    package var hostPort: UInt16
    package var containerPort: UInt16
}

/// What `NetworkStack.connect` is asked to do.
package struct EndpointRequest: Sendable {
    /// Full id and name (without slash) of the container.
    package var containerID: String
    package var containerName: String
    /// Name, id or id prefix.
    package var network: String
    /// `--ip`
    package var ipv4Address: IPAddress?
    /// `--mac-address`
    package var macAddress: MACAddress?
    package var aliases: [String] = []
    package var ports: [PortMapping] = []
    /// Whether the default route goes through this network: true for a container's first one.
    package var providesDefaultRoute = true

    package init(containerID: String, containerName: String, network: String) {
        self.containerID = containerID
        self.containerName = containerName
        self.network = network
    }
}

/// A live attachment. Saved, so that a restarted daemon knows it.
package struct Endpoint: Sendable, Codable, Identifiable {
    package let id: String
    package let networkID: String
    package let networkName: String
    package let containerID: String
    package let containerName: String
    /// Nil on `host` and `none`.
    package var address: CIDR?
    package var gateway: IPAddress?
    package var mac: MACAddress?
    /// Link name inside the container (`eth0`) and on the host (`veth…`); empty on `host` and `none`.
    package var interface = ""
    package var hostLink = ""
    package var aliases: [String] = []
    package var bindings: [PortBinding] = []
}
