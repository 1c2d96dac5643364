// SPDX-License-Identifier: Apache-2.0
// Completion of command lines, without a daemon: what the catalogue alone answers, and the shipped scripts.
import FoundationEssentials
import Testing

@testable import CLI

@Suite struct CompletionTests {
    private let completer = Completer(
        objects: CompletionObjects(settings: Settings(environment: ["DOCKER_HOST": "unix:///nonexistent/apus.sock"])))

    @Test(
        arguments: [
            (["net"], ["network"], 4), (["image", "pu"], ["pull", "push"], 4),
            (["run", "--restart", "on"], ["on-failure"], 4),
            (["run", "--restart=al"], ["always"], 4), (["--log-level", "de"], ["debug"], 4),
            (["run", "-it", "--rm="], [], 4),
            (["run", "--network-a"], ["--network-alias"], 4), (["run", "image", "--net"], [], 0),
            (["run", "--env-file", ""], [], 0), (["start", ""], [], 4), (["nosuch", ""], [], 4),
            (["ps", "--", "-"], [], 4),
            (["completion", "b"], ["bash"], 4), (["-H", "unix:///x", "volume", "in"], ["inspect"], 4),
        ] as [([String], [String], Int)])
    func completes(_ words: [String], _ names: [String], _ directive: Int) {
        let answer = completer.answer(words)
        #expect(answer.candidates.map(\.name) == names)
        #expect(answer.directive.rawValue == directive)
    }

    @Test func printsDescriptionsBehindTabs() {
        let answer = completer.answer(["volu"])
        #expect(Completer.text(answer, describing: true) == "volume\tManage volumes\n:4\n")
        #expect(Completer.text(answer, describing: false) == "volume\n:4\n")
    }

    @Test(arguments: [("bash", "apus.bash"), ("zsh", "_apus"), ("fish", "apus.fish")])
    func shipsWhatItPrints(_ shell: String, _ file: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let shipped = try Data(contentsOf: root.appending(path: "packaging/completions/\(file)"))
        #expect(CompletionScripts.script(shell, name: "apus") == String(decoding: shipped, as: UTF8.self))
    }
}
