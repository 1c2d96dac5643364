// SPDX-License-Identifier: Apache-2.0
// Who may do what: patterns, and how lines of the file add up.
import Primitives
import Testing

@testable import RegistryServer

@Suite struct RightsTests {
    @Test(arguments: [
        ("**", "a/b/c", true), ("*", "a", true), ("*", "a/b", false), ("team/*", "team/app", true),
        ("team/*", "team/app/x", false), ("team/**", "team/app/x", true), ("team/**", "teams/app", false),
        ("team/*-test", "team/app-test", true), ("team/*-test", "team/app-prod", false), ("**/app", "a/b/app", true),
        ("**/app", "app", false), ("", "a", false), ("a*b*c", "aXbYc", true), ("***", "a/b", true),
        ("*a*a*a*a*a*a*a*a*a*a*b", String(repeating: "a", count: 200), false),
    ])
    func pattern(_ pattern: String, _ name: String, _ isMatch: Bool) {
        #expect(Rights.matches(Array(pattern.utf8)[...], Array(name.utf8)[...]) == isMatch)
    }

    @Test func linesAddUp() throws {
        let rights = try Rights(
            parsing: Array(
                #"{"alice": {"team/**": ["pull", "push"]}, "@users": {"**": ["pull"]}, "@anonymous": {"public/*": ["pull"]}}"#
                    .utf8))
        let team = try #require(RepositoryName("team/app"))
        let open = try #require(RepositoryName("public/app"))
        #expect(rights.actions(of: "alice", in: team) == [.pull, .push])
        #expect(rights.actions(of: "bob", in: team) == [.pull])
        #expect(rights.actions(of: nil, in: team) == [])
        #expect(rights.actions(of: nil, in: open) == [.pull])
        // Who has a name is not nobody.
        #expect(rights.actions(of: "@anonymous", in: team) == [.pull])
    }

    @Test(arguments: [
        "[]", "{", #"{"a": []}"#, #"{"a": {"x": "pull"}}"#, #"{"a": {"x": ["read"]}}"#, #"{"@all": {"x": ["pull"]}}"#,
    ])
    func broken(_ text: String) {
        #expect(throws: EngineError.self) { try Rights(parsing: Array(text.utf8)) }
    }
}
