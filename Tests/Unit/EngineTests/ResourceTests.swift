// SPDX-License-Identifier: Apache-2.0
// Limits that meet a kernel, and limits that meet limits.
import DockerAPI
import Primitives
import Tasks
import Testing

@testable import Engine

@Suite struct ResourceTests {
    private func host(_ change: (inout HostConfig) -> Void) -> HostConfig {
        var host = HostConfig()
        change(&host)
        return host
    }

    @Test func aKernelWithoutSwapAccountingLimitsMemoryAlone() throws {
        var support = CgroupSupport()
        support.swap = false
        var wanted = host { ($0.memory, $0.memorySwap) = (64 << 20, 128 << 20) }
        #expect(
            try ResourceFit.fit(&wanted, to: support) == [
                "Your kernel does not support swap limit capabilities or the cgroup is not mounted. "
                    + "Memory limited without swap."
            ])
        #expect(wanted.memory == 64 << 20)
        #expect(wanted.memorySwap == -1)
    }

    @Test func aMachineWithoutControlGroupsLimitsNothingAndSaysSo() throws {
        var wanted = host {
            ($0.memory, $0.memoryReservation, $0.memorySwappiness, $0.oomKillDisable) = (64 << 20, 32 << 20, 5, true)
            ($0.cpuShares, $0.cpuQuota, $0.cpusetCpus, $0.pidsLimit, $0.blkioWeight) = (512, 1000, "0", 10, 100)
            $0.blkioDeviceReadBps = [ThrottleDevice()]
            $0.blkioWeightDevice = [WeightDevice()]
        }
        let warnings = try ResourceFit.fit(&wanted, to: CgroupSupport(nil))
        #expect(warnings.count == 11)
        #expect(wanted == host { $0.memorySwap = -1 })
    }

    @Test func nothingIsSaidWhereNothingIsAsked() throws {
        var wanted = HostConfig()
        #expect(try ResourceFit.fit(&wanted, to: CgroupSupport(nil)) == [])
        #expect(wanted == HostConfig())
    }

    @Test func whatWouldMeanSomethingElseIsRefused() {
        for wanted in [host { $0.nanoCpus = 500_000_000 }, host { $0.cpuRealtimeRuntime = 1000 }] {
            var wanted = wanted
            #expect(throws: EngineError.self) { try ResourceFit.fit(&wanted, to: CgroupSupport(nil)) }
        }
    }

    @Test func updatesLeaveWhatTheyDoNotName() throws {
        var current = host { ($0.memory, $0.memorySwap, $0.cpuShares, $0.pidsLimit) = (64 << 20, 128 << 20, 512, 10) }
        try ResourceUpdate.merge(host { $0.memory = 32 << 20 }, into: &current)
        #expect(
            current
                == host { ($0.memory, $0.memorySwap, $0.cpuShares, $0.pidsLimit) = (32 << 20, 128 << 20, 512, 10) })
        try ResourceUpdate.merge(host { $0.pidsLimit = -1 }, into: &current)
        #expect(current.pidsLimit == nil)
    }

    @Test(arguments: [
        (\HostConfig.memory, Int64(900 << 20), "Memory limit should be smaller than already set memoryswap limit"),
        (\HostConfig.nanoCpus, 1, "NanoCPUs cannot be updated as CPU Period has already been set"),
    ])
    func limitsMayNotContradict(_ path: WritableKeyPath<HostConfig, Int64> & Sendable, value: Int64, message: String) {
        var current = host { ($0.memory, $0.memorySwap, $0.cpuPeriod) = (64 << 20, 128 << 20, 50_000) }
        let error = #expect(throws: EngineError.self) {
            try ResourceUpdate.merge(host { $0[keyPath: path] = value }, into: &current)
        }
        #expect(error?.message.contains(message) == true)
        #expect(error?.kind == .conflict)
    }
}
