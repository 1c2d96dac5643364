// SPDX-License-Identifier: Apache-2.0
// `--cap-add` and `--cap-drop`: one spelling, and what is added is not dropped.
import JSON

/// Names of capabilities.
enum CapabilityNames {
    /// `net_admin` is `CAP_NET_ADMIN`; `ALL` swallows the rest; adding wins over dropping. Sorted, null when empty.
    static func effective(_ added: [String], _ dropped: [String]) -> (add: JSONValue, drop: JSONValue) {
        let add = normalised(added)
        let drop = normalised(dropped).subtracting(add)
        func json(_ names: Set<String>) -> JSONValue {
            names.isEmpty ? .null : .array(names.sorted().map { .string($0) })
        }
        return (json(add), json(drop))
    }

    private static func normalised(_ names: [String]) -> Set<String> {
        let all = Set(
            names.map { name -> String in
                let upper = name.uppercased()
                return upper == "ALL" || upper == "RESET" || upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
            })
        return all.contains("ALL") ? ["ALL"] : all
    }
}
