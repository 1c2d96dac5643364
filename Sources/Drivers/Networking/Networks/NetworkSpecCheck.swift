// SPDX-License-Identifier: Apache-2.0
// What may be asked of a new network: refusals name the option, pools become values.
import Primitives

enum NetworkSpecCheck {
    static func refuseUnsupported(_ spec: NetworkSpec) throws {
        if spec.name.isEmpty || spec.name.contains("/") {
            throw EngineError.invalidArgument("invalid network name \"\(spec.name)\"")
        }
        switch spec.driver {
        case "", "bridge", "default": break
        case "host", "null", "none":
            throw EngineError.forbidden("only one instance of \"\(spec.driver)\" network is allowed")
        case "overlay":
            throw EngineError.internalError(
                "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this "
                    + "node to swarm and try again.")
        case "macvlan", "ipvlan":
            throw EngineError.notImplemented("network driver \(spec.driver) is not supported yet")
        default: throw EngineError.notFound("plugin \"\(spec.driver)\" not found")
        }
        if ["bridge", "host", "none", "default"].contains(spec.name) {
            throw EngineError.forbidden("operation is not permitted on predefined \(spec.name) network ")
        }
        if spec.enablesIPv6 { throw EngineError.notImplemented("EnableIPv6 is not supported yet") }
        if !["", "default"].contains(spec.ipamDriver) {
            throw EngineError.notImplemented("IPAM driver \(spec.ipamDriver) is not supported yet")
        }
        if let option = spec.options.keys.sorted().first(where: { !BridgeOption.all.contains($0) }) {
            throw EngineError.notImplemented("network option \(option) is not supported yet")
        }
    }

    static func pools(_ spec: NetworkSpec) throws -> [NetworkPool] {
        var pools: [NetworkPool] = []
        for wanted in spec.pools {
            if wanted.subnet.isEmpty {
                if wanted.gateway.isEmpty, wanted.range.isEmpty, wanted.auxiliary.isEmpty { continue }
                throw EngineError.invalidArgument("every ip-range or gateway must have a corresponding subnet")
            }
            guard let subnet = CIDR(wanted.subnet) else { throw NetworkErrors.invalidSubnet(wanted.subnet) }
            guard subnet.address.isV4 else { throw EngineError.notImplemented("IPv6 subnets are not supported yet") }
            var pool = NetworkPool(subnet: subnet.network)
            if !wanted.gateway.isEmpty {
                pool.gateway = try inside(subnet, IPAddress(wanted.gateway), "gateway", wanted.gateway)
            }
            if !wanted.range.isEmpty {
                guard let range = CIDR(wanted.range), subnet.contains(range.network.address),
                    subnet.contains(range.last)
                else {
                    throw EngineError.invalidArgument("invalid ip-range \(wanted.range): not inside \(wanted.subnet)")
                }
                pool.range = range
            }
            for (name, text) in wanted.auxiliary {
                pool.auxiliary[name] = try inside(subnet, IPAddress(text), "auxiliary address", text)
            }
            pools.append(pool)
        }
        if pools.count > 1 { throw EngineError.notImplemented("several subnets per network are not supported yet") }
        return pools
    }

    private static func inside(
        _ subnet: CIDR, _ address: IPAddress?, _ what: String, _ text: String
    ) throws -> IPAddress {
        guard let address else { throw EngineError.invalidArgument("invalid \(what): \(text)") }
        guard subnet.contains(address) else {
            throw EngineError.invalidArgument("no matching subnet for \(what) \(text)")
        }
        return address
    }
}
