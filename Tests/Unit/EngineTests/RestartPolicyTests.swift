// SPDX-License-Identifier: Apache-2.0
// When a container is started again, and after how long.
import DockerAPI
import Primitives
import Testing

@testable import Engine

@Suite struct RestartPolicyTests {
    struct Row: Sendable {
        var policy: RestartPolicy
        var code = 1
        var ran = Duration.seconds(1)
        var attempts = 0
        var previous: Duration?
        var stopped = false
        var expected: RestartPolicy.Decision
    }

    static let rows: [Row] = [
        Row(policy: .no, expected: .stay),
        Row(policy: .always, code: 0, expected: .restart(after: .milliseconds(100))),
        Row(policy: .always, stopped: true, expected: .stay),
        Row(policy: .unlessStopped, stopped: true, expected: .stay),
        Row(policy: .always, previous: .milliseconds(100), expected: .restart(after: .milliseconds(200))),
        Row(policy: .always, previous: .seconds(50), expected: .restart(after: .seconds(60))),
        Row(policy: .always, ran: .seconds(10), previous: .seconds(50), expected: .restart(after: .milliseconds(100))),
        Row(policy: .onFailure(maximum: 0), code: 0, expected: .stay),
        Row(policy: .onFailure(maximum: 0), attempts: 100, expected: .restart(after: .milliseconds(100))),
        Row(policy: .onFailure(maximum: 3), attempts: 2, expected: .restart(after: .milliseconds(100))),
        Row(policy: .onFailure(maximum: 3), attempts: 3, expected: .stay),
    ]

    @Test(arguments: rows)
    func decides(row: Row) {
        #expect(
            row.policy.next(
                exitCode: row.code, ran: row.ran, attempts: row.attempts, previousDelay: row.previous,
                stoppedByUser: row.stopped) == row.expected)
    }

    @Test(arguments: [("foo", 0), ("always", 2), ("on-failure", -1)])
    func badOnesAreRefused(name: String, count: Int) {
        var spec = RestartPolicySpec()
        spec.name = name
        spec.maximumRetryCount = count
        #expect(throws: EngineError.self) { try RestartPolicy(spec) }
    }

    @Test func withTheDaemon() {
        #expect(RestartPolicy.always.wantsStartWithDaemon(exitCode: 0, stoppedByUser: true, wasStarted: true))
        #expect(!RestartPolicy.unlessStopped.wantsStartWithDaemon(exitCode: 0, stoppedByUser: true, wasStarted: true))
        #expect(!RestartPolicy.always.wantsStartWithDaemon(exitCode: 0, stoppedByUser: false, wasStarted: false))
    }
}
