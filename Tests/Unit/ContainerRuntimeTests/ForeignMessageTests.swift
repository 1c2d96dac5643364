// SPDX-License-Identifier: Apache-2.0
// What other runtimes say, and what clients are told.
import Testing

@testable import ContainerRuntime

struct ForeignMessageTests {
    @Test(
        arguments: [
            (
                "runc create failed: unable to start container process: exec: \"x\": executable file not found in $PATH",
                127,
                "exec: \"x\": executable file not found in $PATH"
            ),
            (
                "executable file `x` not found in $PATH: No such file or directory", 127,
                "executable file `x` not found in $PATH: no such file or directory"
            ),
            ("open executable: Permission denied", 126, "open executable: permission denied"),
            (
                "runc create failed: unable to start container process: error during container init: exec format error",
                126,
                "exec format error"
            ),
            ("unknown version specified", 128, "unknown version specified"),
        ] as [(String, Int32, String)])
    func codes(_ said: String, _ code: Int32, _ told: String) {
        let error = ForeignMessage.error(said)
        #expect(error.exitCode == code)
        #expect(error.message == told)
    }
}
