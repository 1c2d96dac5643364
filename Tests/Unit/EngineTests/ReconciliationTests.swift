// SPDX-License-Identifier: Apache-2.0
// What a restarted daemon makes of saved and observed.
import Primitives
import Testing

@testable import Engine

@Suite struct ReconciliationTests {
    static let run = Run(pid: 7, startedAt: Timestamp(seconds: 10))
    static let now = Timestamp(seconds: 100)
    static let exit = Exit(code: 1, startedAt: Timestamp(seconds: 1), finishedAt: Timestamp(seconds: 2))

    @Test func aLivingOneIsFollowed() {
        let plan = Reconciliation.plan(.running(Self.run), .running(Self.run), now: Self.now)
        #expect(plan == Reconciliation.Plan(isAlive: true))
    }

    @Test func anExitNobodySawIsRecorded() {
        let plan = Reconciliation.plan(
            .running(Self.run), .exited(code: 5, oomKilled: true, at: Timestamp(seconds: 50)), now: Self.now)
        #expect(
            plan.ended
                == Exit(code: 5, oomKilled: true, startedAt: Self.run.startedAt, finishedAt: Timestamp(seconds: 50)))
        #expect(plan.discards)
    }

    @Test func withoutAnyTraceItWasKilled() {
        let plan = Reconciliation.plan(.paused(Self.run), .nothing, now: Self.now)
        #expect(plan.ended?.code == 137)
        #expect(plan.ended?.finishedAt == Self.now)
    }

    @Test func aStartWithoutItsRecordIsAdopted() throws {
        let plan = Reconciliation.plan(.exited(Self.exit), .paused(Self.run), now: Self.now)
        var state = ContainerState.exited(Self.exit)
        for event in plan.events { try state.apply(event) }
        #expect(state == .paused(Self.run))
        #expect(plan.isAlive)
    }

    @Test func aPreparedOneThatNeverBeganIsDiscarded() {
        let plan = Reconciliation.plan(.created(nil), .created, now: Self.now)
        #expect(plan == Reconciliation.Plan(discards: true))
    }
}
