// SPDX-License-Identifier: Apache-2.0
// Sizes, ages, ports, names, keys: the small words of the command line.
import JSON
import Testing

@testable import CLI

@Suite struct WordsTests {
    @Test(
        arguments: [
            (0.4, "Less than a second"), (1, "1 second"), (45, "45 seconds"), (60, "About a minute"),
            (119, "About a minute"),
            (180, "3 minutes"), (3600, "About an hour"), (2 * 3600, "2 hours"), (47 * 3600, "47 hours"),
            (72 * 3600, "3 days"),
            (15 * 86400, "2 weeks"), (70 * 86400, "2 months"), (800 * 86400, "2 years"),
        ] as [(Double, String)])
    func ages(_ seconds: Double, _ text: String) { #expect(HumanDuration.text(seconds: seconds) == text) }

    @Test(
        arguments: [(0, "0B"), (999, "999B"), (1_240_000, "1.24MB"), (187_654_321, "188MB"), (1_500, "1.5kB")]
            as [(Int64, String)])
    func sizes(_ bytes: Int64, _ text: String) { #expect(SizeText.short(bytes) == text) }

    @Test(arguments: [
        ("nginx", "docker.io/library/nginx:latest"), ("a/b:1", "docker.io/a/b:1"),
        ("127.0.0.1:5000/x", "127.0.0.1:5000/x:latest"), ("localhost/x:t", "localhost/x:t"),
    ])
    func references(_ text: String, _ full: String) throws { #expect(try ImageName.normalised(text) == full) }

    @Test(arguments: ["", "a//b", "UPPER", "a:b:c", "-a", "x:@"])
    func badReferences(_ text: String) { #expect(throws: CommandError.self) { try ImageName.parse(text) } }

    @Test func joinsPorts() {
        func port(_ inside: Int64, _ outside: Int64?, _ ip: String) -> JSONValue {
            var value: JSONObject = ["PrivatePort": .int(inside), "Type": "tcp"]
            if let outside {
                value["PublicPort"] = .int(outside)
                value["IP"] = .string(ip)
            }
            return .object(value)
        }
        #expect(
            PortText.displayed([port(80, 8080, "0.0.0.0"), port(80, 8080, "::")])
                == "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp")
        #expect(
            PortText.displayed([port(90, 90, "0.0.0.0"), port(91, 91, "0.0.0.0"), port(5, nil, "")])
                == "5/tcp, 0.0.0.0:90-91->90-91/tcp")
    }

    @Test func findsDetachKeys() {
        #expect(DetachKeys.parse("ctrl-p,ctrl-q") == [16, 17])
        #expect(DetachKeys.parse("a,ctrl-]") == [97, 29])
        #expect(DetachKeys.parse("ctrl-AA") == nil)
        var keys = DetachKeys([16, 17])
        #expect(keys.filter([1, 16][...]).pass == [1])
        let second = keys.filter([2, 16, 17, 3][...])
        #expect(second.pass == [16, 2] && second.detached)
    }

    @Test func splitsFrames() throws {
        var reader = FrameReader()
        var seen: [String] = []
        let bytes: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 2, 104, 105, 2, 0, 0, 0, 0, 0, 0, 1, 33]
        for byte in bytes {
            try reader.feed([byte][...]) { stream, payload in
                seen.append("\(stream):\(String(decoding: payload, as: UTF8.self))")
            }
        }
        #expect(seen == ["1:h", "1:i", "2:!"])
    }

    @Test func indentsWithoutTouchingTheWords() {
        let text = String(
            decoding: RawJSON.indent(Array("[{\"a\":1.50,\"b\":[],\"c\":\"\\u003c\"}]".utf8)), as: UTF8.self)
        #expect(text == "[\n    {\n        \"a\": 1.50,\n        \"b\": [],\n        \"c\": \"\\u003c\"\n    }\n]")
    }

    @Test(
        arguments: [
            (["foo"], 1), (["run"], 1), (["run", "--nope"], 125), (["--nope"], 125), (["ps", "x"], 1),
            (["--version"], 0), (["run", "--help"], 0), (["help", "ps"], 0), (["container"], 0),
        ] as [([String], Int32)])
    func exitCodes(_ arguments: [String], _ code: Int32) {
        var program = Program(name: "docker", environment: [:], console: .capturing())
        #expect(program.run(arguments) == code)
    }

    @Test func wordsUsageErrorsAsDocker() {
        let console = Console.capturing()
        var program = Program(name: "docker", environment: [:], console: console)
        _ = program.run(["run"])
        #expect(
            console.captured?.err
                == "docker: 'docker run' requires at least 1 argument\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\n"
                + "See 'docker run --help' for more information\n")
    }

    @Test func everyFlagTableIsSound() {
        for command in Catalog.commands {
            let flags = command.flags()
            #expect(Set(flags.map(\.name)).count == flags.count, "\(command.paths)")
            let letters = flags.compactMap(\.short)
            #expect(Set(letters).count == letters.count, "\(command.paths)")
        }
        let paths = Catalog.commands.flatMap(\.paths)
        #expect(Set(paths).count == paths.count)
    }
}
