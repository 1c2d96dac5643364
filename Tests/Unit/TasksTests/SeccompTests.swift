// SPDX-License-Identifier: Apache-2.0
// The standard filter against the reference profile, and profiles of users.
import Glibc
import JSON
import OCI
import Primitives
import Testing

@testable import Tasks

private let referencePath = "/work/shared/reference/oci/seccomp-default.json"

@Suite struct SeccompTests {
    @Test(.enabled(if: access(referencePath, R_OK) == 0, "the reference profile is not on this machine"))
    func standardEqualsReference() throws {
        let text = try #require(ProcFile.text(referencePath))
        let reference = try SeccompProfile(parsing: text)
        #expect(SeccompProfile.standard.rules == reference.rules)
        #expect(SeccompProfile.standard.architectureMap == reference.architectureMap)
        #expect(SeccompProfile.standard == reference)
    }

    @Test func conditions() {
        let host = HostFacts(capabilities: nil, kernel: KernelVersion(6, 1), usesCgroupV2: false)
        func allows(_ name: String, _ capabilities: [String], _ host: HostFacts) -> Bool {
            SeccompProfile.standard.fitted(capabilities: capabilities, host: host).syscalls.contains {
                $0.names.contains(name) && $0.action == "SCMP_ACT_ALLOW"
            }
        }
        #expect(!allows("mount", Capability.defaults, host))
        #expect(allows("mount", ["CAP_SYS_ADMIN"], host))
        #expect(allows("arch_prctl", [], host))
        #expect(!allows("riscv_flush_icache", [], host))
        #expect(allows("ptrace", [], host))
        var old = host
        old.kernel = KernelVersion(4, 4)
        #expect(!allows("ptrace", [], old))
        #expect(
            SeccompProfile.standard.fitted(capabilities: [], host: host).architectures == [
                "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32",
            ])
    }

    @Test(arguments: ["", "[]", #"{"defaultAction":1}"#, #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[1]}"#])
    func damagedProfiles(_ text: String) {
        #expect(throws: EngineError.self) { try SeccompProfile(parsing: text) }
    }
}
