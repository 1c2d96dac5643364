// SPDX-License-Identifier: Apache-2.0
// The messages of networking that users and clients see.
import Primitives

enum NetworkErrors {
    static func notFound(_ reference: String) -> EngineError { .notFound("network \(reference) not found") }

    static func ambiguous(_ reference: String) -> EngineError {
        .invalidArgument("network \(reference) is ambiguous (multiple matches found on ID prefix)")
    }

    static func exists(_ name: String) -> EngineError { .conflict("network with name \(name) already exists") }

    static func endpointExists(_ name: String, _ network: String) -> EngineError {
        .forbidden("endpoint with name \(name) already exists in network \(network)")
    }

    static func notConnected(_ container: String, _ network: String) -> EngineError {
        .internalError("container \(container) is not connected to network \(network)")
    }

    static func activeEndpoints(_ network: Network) -> EngineError {
        .forbidden("error while removing network: network \(network.name) id \(network.id) has active endpoints")
    }

    static func predefined(_ name: String) -> EngineError {
        .forbidden("\(name) is a pre-defined network and cannot be removed")
    }

    static func exhausted(_ network: Network) -> EngineError {
        .internalError("no available IPv4 addresses on this network's address pools: \(network.name) (\(network.id))")
    }

    static let addressInUse = EngineError.forbidden("Address already in use")
    static let staticAddressOnDefault = EngineError.invalidArgument(
        "invalid config for network bridge: invalid endpoint settings:\n"
            + "user specified IP address is supported on user defined networks only")

    static func outsideSubnets(_ address: IPAddress, _ network: String) -> EngineError {
        .invalidArgument(
            "invalid config for network \(network): invalid endpoint settings:\n"
                + "no configured subnet contains IP address \(address)")
    }

    static let poolOverlaps = EngineError.forbidden("Pool overlaps with other one on this address space")
    static let poolsExhausted = EngineError.internalError(
        "all predefined address pools have been fully subnetted")

    static func invalidSubnet(_ text: String) -> EngineError {
        .internalError("Invalid subnet \(text) : invalid CIDR address: \(text)")
    }

    static func portsFailed(_ endpoint: Endpoint, _ cause: EngineError) -> EngineError {
        EngineError(
            cause.kind,
            "driver failed programming external connectivity on endpoint \(endpoint.containerName) (\(endpoint.id)): "
                + cause.message, cause: cause)
    }

    static func portAllocated(_ address: IPAddress, _ port: UInt16) -> EngineError {
        .internalError("Bind for \(socketText(address, port)) failed: port is already allocated")
    }

    static func bindFailed(
        _ address: IPAddress, _ port: UInt16, _ mapping: PortMapping, _ container: IPAddress, _ reason: String
    ) -> EngineError {
        .internalError(
            "failed to bind host port for \(socketText(address, port)):"
                + "\(socketText(container, mapping.containerPort))/\(mapping.transport.rawValue): \(reason)")
    }

    private static func socketText(_ address: IPAddress, _ port: UInt16) -> String {
        address.isV6 ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}
