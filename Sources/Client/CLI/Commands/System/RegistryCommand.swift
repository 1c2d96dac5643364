// SPDX-License-Identifier: Apache-2.0
// `registry`: hands over to the program apus-registry, which lies beside this one.
import Glibc

/// `apus registry serve …` is `apus-registry serve …`.
enum RegistryCommand {
    static let all = [
        Command(
            ["registry"], "COMMAND [ARG...]", "Serve and maintain a registry of images (apus-registry)", .atLeast(1),
            interspersed: false, run: run)
    ]

    /// Does not return when all goes well: this process becomes the other program.
    private static func run(_ call: Invocation) throws -> Int32 {
        let program = try folder() + "/apus-registry"
        call.console.flush()
        var arguments = (["apus-registry"] + call.operands).map { strdup($0) }
        arguments.append(nil)
        execv(program, arguments)
        let reason = String(cString: strerror(errno))
        for argument in arguments { free(argument) }
        throw CommandError("\(call.program): cannot run \(program): \(reason)")
    }

    private static func folder() throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0, let slash = buffer[..<count].lastIndex(of: CChar(UInt8(ascii: "/"))) else {
            throw CommandError("cannot find the folder of this program")
        }
        return String(decoding: buffer[..<slash].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
