// SPDX-License-Identifier: Apache-2.0
// Whether this process has power over the machine, or over a user namespace alone: user_namespaces(7).

package enum UserNamespace {
    /// All numbers of users mean themselves: the namespace that the machine started with. Without /proc nobody can tell.
    package static let isInitial: Bool = {
        guard let map = try? TextFile.text("/proc/self/uid_map") else { return true }
        return isInitial(map: map)
    }()

    static func isInitial(map: String) -> Bool {
        map.split(whereSeparator: \.isWhitespace).elementsEqual(["0", "0", "4294967295"])
    }
}
