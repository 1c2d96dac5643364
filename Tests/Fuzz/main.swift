// SPDX-License-Identifier: Apache-2.0
// Inputs of strangers under libFuzzer: `apus-fuzz TARGET [options of libFuzzer] FOLDER…`.
import Glibc

typealias FuzzTarget = @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32

@_silgen_name("LLVMFuzzerRunDriver")
func runDriver(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>, _ target: FuzzTarget
) -> Int32

func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: count))
}

let targets: [String: FuzzTarget] = [
    "config": { start, count in
        ConfigTarget.run(bytes(start, count))
        return 0
    },
    "seccomp": { start, count in
        SeccompTarget.run(bytes(start, count))
        return 0
    },
    "shim": { start, count in
        ShimTarget.shared.run(bytes(start, count))
        return 0
    },
]

func run() -> Int32 {
    guard CommandLine.arguments.count > 1, let target = targets[CommandLine.arguments[1]] else {
        print("usage: apus-fuzz \(targets.keys.sorted().joined(separator: "|")) [options of libFuzzer] FOLDER…")
        return 2
    }
    // The program's own name stays, the target's goes.
    var count = CommandLine.argc - 1
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
    CommandLine.unsafeArgv[1] = CommandLine.unsafeArgv[0]
    return runDriver(&count, &arguments, target)
}

exit(run())
