// SPDX-License-Identifier: Apache-2.0
// The processes of a container that has no control group to list them.
import Glibc

package enum ProcessNamespace {
    /// Ids of all processes that share the process namespace of `process`, ascending; only itself where that is ours.
    package static func processes(besides process: Int32) -> [Int32] {
        guard let wanted = namespace(String(process)), wanted != namespace("self") else { return [process] }
        return ProcFile.names("/proc").filter { namespace($0) == wanted }.compactMap { Int32($0) }.sorted()
    }

    private static func namespace(_ process: String) -> String? {
        guard process.first?.isNumber == true || process == "self" else { return nil }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { readlink("/proc/\(process)/ns/pid", $0, bytes.count) }
                ?? -1
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
