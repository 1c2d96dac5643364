// SPDX-License-Identifier: Apache-2.0
// Every pair of state and event: what it gives, or that it is refused.
import FoundationEssentials
import Primitives
import Testing

@testable import Engine

@Suite struct ContainerStateTests {
    static let run = Run(pid: 7, startedAt: Timestamp(seconds: 10))
    static let other = Run(pid: 8, startedAt: Timestamp(seconds: 20))
    static let exit = Exit(code: 3, startedAt: Timestamp(seconds: 10), finishedAt: Timestamp(seconds: 15))
    static let failure = StartFailure(code: 127, error: "not found")
    static let failed = Exit(
        code: 127, startedAt: Timestamp(seconds: 10), finishedAt: Timestamp(seconds: 30), error: "not found")

    static let states: [ContainerState] = [
        .created(nil), .running(run), .paused(run), .restarting(exit), .exited(exit), .removing(exit),
        .dead(exit, "why"),
    ]
    static let events: [ContainerState.Event] = [
        .started(other), .startFailed(failure, at: Timestamp(seconds: 30)), .paused, .resumed, .exited(exit),
        .exitedToRestart(exit), .restartCancelled, .removalBegan, .removalFailed("disk"),
    ]

    /// Rows as `states`, columns as `events`; nil is refused.
    static let table: [[ContainerState?]] = [
        [.running(other), .created(failure), nil, nil, nil, nil, nil, .removing(nil), nil],
        [nil, nil, .paused(run), nil, .exited(exit), .restarting(exit), nil, nil, nil],
        [nil, nil, nil, .running(run), .exited(exit), .restarting(exit), nil, nil, nil],
        [.running(other), .exited(failed), nil, nil, nil, nil, .exited(exit), .removing(exit), nil],
        [.running(other), .exited(failed), nil, nil, nil, nil, nil, .removing(exit), nil],
        [nil, nil, nil, nil, nil, nil, nil, nil, .dead(exit, "disk")],
        [nil, nil, nil, nil, nil, nil, nil, .removing(exit), nil],
    ]

    @Test func everyPair() {
        for (row, state) in Self.states.enumerated() {
            for (column, event) in Self.events.enumerated() {
                var next = state
                do {
                    try next.apply(event)
                    #expect(next == Self.table[row][column], "\(state) + \(event)")
                } catch {
                    #expect(Self.table[row][column] == nil, "\(state) + \(event)")
                    #expect(next == state, "a refused event changes nothing")
                }
            }
        }
    }

    @Test(arguments: states + [.created(failure), .removing(nil)])
    func savedFormRoundTrips(state: ContainerState) throws {
        let data = try JSONEncoder().encode(state)
        #expect(try JSONDecoder().decode(ContainerState.self, from: data) == state)
    }

    @Test func unknownKeysAreIgnoredUnknownStatesAreNot() throws {
        let known = #"{"status":"paused","pid":1,"startedAt":"2026-01-01T00:00:00Z","later":true}"#
        #expect(try JSONDecoder().decode(ContainerState.self, from: Data(known.utf8)).isPaused)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(ContainerState.self, from: Data(#"{"status":"asleep"}"#.utf8))
        }
    }
}
