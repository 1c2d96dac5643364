// SPDX-License-Identifier: Apache-2.0
// Namespaces made and found without entering them.
import CLinux
import Glibc

package enum DetachedNamespace {
    /// A user namespace with these maps: lines of `inside outside count`.
    package static func user(uidMap: String, gidMap: String) throws(Errno) -> OwnedFD {
        var user: Int32 = -1
        try check("user namespace") { apus_user_namespace(uidMap, gidMap, &user, nil) }
        return OwnedFD(user)
    }

    /// A network namespace that belongs to a new user namespace with these maps; it keeps its owner alive.
    package static func network(uidMap: String, gidMap: String) throws(Errno) -> OwnedFD {
        var user: Int32 = -1
        var network: Int32 = -1
        try check("user namespace") { apus_user_namespace(uidMap, gidMap, &user, &network) }
        _ = close(user)
        return OwnedFD(network)
    }

    /// The user namespace that owns another namespace.
    package static func owner(of namespace: Int32) throws(Errno) -> OwnedFD {
        OwnedFD(try check("ioctl(NS_GET_USERNS)") { apus_owning_user_namespace(namespace) })
    }
}
