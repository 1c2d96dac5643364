// SPDX-License-Identifier: Apache-2.0
// The daemon's settings that networking follows.
package import Primitives

/// One pool from which subnets of networks without one of their own are cut (`--default-address-pool`).
package struct AddressPool: Sendable, Hashable {
    package var base: CIDR
    /// Prefix length of each subnet.
    package var size: Int

    package init(base: CIDR, size: Int) {
        self.base = base
        self.size = size
    }
}

/// Settings of one daemon's networking. Two daemons on a machine differ in `instance` and `bridgeName`.
package struct NetworkConfiguration: Sendable {
    /// Names the firewall table (`apus-<instance>`): letters, digits, `_`, `-`.
    package var instance = "default"
    /// Link of the default network; made and removed by us unless `usesExistingBridge`.
    package var bridgeName = "apus0"
    /// `--bridge`: the link is the user's, we neither make nor remove it. With the name "none" there is no default network.
    package var usesExistingBridge = false
    /// `--bip`: address of the default bridge and by that its subnet.
    package var bridgeAddress: CIDR?
    /// `--fixed-cidr`: part of the default bridge's subnet from which addresses are given out.
    package var fixedCIDR: CIDR?
    /// `--default-gateway`
    package var defaultGateway: IPAddress?
    package var defaultAddressPools: [AddressPool] = AddressPool.defaults
    /// `--mtu`
    package var mtu: Int?
    /// `--ip`: host address of published ports that name none.
    package var defaultBindAddress: IPAddress?
    /// `--icc`: containers of the default bridge may talk to each other.
    package var interContainerCommunication = true
    /// `--iptables`: whether we write firewall rules at all.
    package var firewall = true
    /// `--ip-forward`
    package var ipForward = true
    /// `--ip-masq`
    package var masquerade = true
    /// `--dns`, `--dns-search`, `--dns-opt`: for containers that name none.
    package var dns: [String] = []
    package var dnsSearch: [String] = []
    package var dnsOptions: [String] = []
    /// `--host-gateway-ip`: what `--add-host name:host-gateway` means; the default bridge's address when unset.
    package var hostGatewayAddress: IPAddress?
    /// Where the host's resolver configuration is read.
    package var hostResolvConf = "/etc/resolv.conf"

    package init() {}
}

extension AddressPool {
    /// Docker's pools: 172.17–31/16 and 192.168/16 in /20 pieces.
    package static let defaults: [AddressPool] =
        (17...31).compactMap { second in
            CIDR("172.\(second).0.0/16").map { AddressPool(base: $0, size: 16) }
        } + [CIDR("192.168.0.0/16").map { AddressPool(base: $0, size: 20) }].compactMap(\.self)
}
