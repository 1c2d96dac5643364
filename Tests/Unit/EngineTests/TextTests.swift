// SPDX-License-Identifier: Apache-2.0
// Small readers and writers of text: times, spans, patterns, signals, keys.
import DockerAPI
import Primitives
import Testing

@testable import Engine

@Suite struct TextTests {
    @Test(
        arguments: [
            (0.5, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (61, "About a minute"),
            (150, "2 minutes"),
            (3600, "About an hour"), (2 * 3600, "2 hours"), (3 * 86400, "3 days"), (20 * 86400, "2 weeks"),
            (90 * 86400, "3 months"), (800 * 86400, "2 years"),
        ] as [(Double, String)])
    func spans(seconds: Double, expected: String) { #expect(humanDuration(seconds: seconds) == expected) }

    @Test func moments() throws {
        let now = Timestamp(seconds: 10_000)
        #expect(try TimeFilter.parse("123.5", now: now) == Timestamp(seconds: 123, nanoseconds: 500_000_000))
        #expect(try TimeFilter.parse("10m", now: now) == Timestamp(seconds: 9400))
        #expect(try TimeFilter.parse("1h30m", now: now) == Timestamp(seconds: 4600))
        #expect(try TimeFilter.parse("1970-01-02", now: now) == Timestamp(seconds: 86400))
        #expect(throws: EngineError.self) { try TimeFilter.parse("foo", now: now) }
    }

    @Test(arguments: [
        ("web", "my-web-1", true), ("^web", "web1", true), ("^web$", "web1", false), ("^/web$", "web", true),
        ("b$", "web", true), ("nope", "web", false),
    ])
    func names(pattern: String, name: String, expected: Bool) {
        #expect(NamePattern.matches(pattern, name: name) == expected)
    }

    @Test(arguments: [
        ("busy*", "busybox", true), ("*box:*", "busybox:1", true), ("127*/x", "127.0.0.1:5000/x", true),
        ("*", "a/b", false),
        ("b?sybox", "busybox", true), ("*a*b*c", "xxaxxbxxc", true), ("*a*b*c", "xxaxxcxxb", false),
    ])
    func globs(pattern: String, text: String, expected: Bool) { #expect(Glob.matches(pattern, text) == expected) }

    @Test func signals() throws {
        #expect(try Signals.number("SIGTERM") == 15)
        #expect(try Signals.number("kill") == 9)
        #expect(try Signals.number("RTMIN+3") == 37)
        #expect(throws: EngineError.self) { try Signals.number("SIGFOO") }
        #expect(throws: EngineError.self) { try Signals.number("99") }
    }

    @Test func detachKeysAreFoundAcrossPieces() throws {
        var keys = try DetachKeys(parsing: nil)
        #expect(keys.scan([97, 16]).pass == [97])
        #expect(keys.scan([16, 98]).pass == [16, 16, 98])
        let (pass, detached) = keys.scan([99, 16, 17, 100])
        #expect(pass == [99])
        #expect(detached)
        #expect(throws: EngineError.self) { try DetachKeys(parsing: "ctrl-") }
    }

    @Test func credentialsInBase64() {
        #expect(Base64Text.decode("dXNlcjpwYXNz") == "user:pass")
        #expect(Base64Text.decode("eyJhIjoiYiJ9") == #"{"a":"b"}"#)
        #expect(Base64Text.decode("*") == nil)
    }

    @Test func eventsRememberAndFilter() async throws {
        let events = EventService()
        let start = Timestamp.now()
        events.publish("container", "start", id: "abcdef", attributes: ["name": "web", "image": "nginx:1"])
        events.publish("image", "pull", id: "nginx:1", attributes: ["name": "nginx:1"])
        let all = try events.subscribe(since: start, until: .now(), filters: Filters())
        #expect(try await all.next()?.action == "start")
        #expect(try await all.next()?.action == "pull")
        #expect(try await all.next() == nil)
        let some = try events.subscribe(
            since: start, until: .now(), filters: Filters(["type": ["container"], "container": ["web"]]))
        #expect(try await some.next()?.actor.id == "abcdef")
        #expect(try await some.next() == nil)
        #expect(throws: EngineError.self) {
            try events.subscribe(since: nil, until: nil, filters: Filters(["nope": ["x"]]))
        }
    }
}
