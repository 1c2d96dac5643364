// SPDX-License-Identifier: Apache-2.0
// The flag grammar in a table: what pflag accepts and how it complains.
import Testing

@testable import CLI

@Suite struct FlagParserTests {
    static let flags: [Flag] = [
        Flag("rm", "Remove"), Flag("interactive", "i", "Stdin"), Flag("tty", "t", "Terminal"),
        Flag("detach", "d", "Detach"),
        Flag("env", "e", .list, "Variables"), Flag("publish", "p", .list, "Ports"), Flag("name", .string, "Name"),
        Flag("memory", "m", .bytes, "Memory"), Flag("last", "n", .int, "Last", default: "-1"),
        Flag("sig-proxy", "Proxy", default: "true"), Flag("filter", "f", .filter, "Filter"),
        Flag("network", .network, "Network"), Flag("net", .network, "Network", hidden: true, aliasOf: "network"),
    ]

    @Test func readsRunLikeCommandLines() throws {
        let result = try FlagParser(Self.flags, interspersed: false).parse(
            [
                "-itd", "--rm=false", "-p80:80", "-p", "81:81", "-e", "A=1", "-e=B=2", "--name", "web", "--net", "n",
                "busybox", "-x", "--rm",
            ])
        #expect(result.operands == ["busybox", "-x", "--rm"])
        #expect(result.values.bool("interactive") && result.values.bool("tty") && result.values.bool("detach"))
        #expect(!result.values.bool("rm") && result.values.isSet("rm"))
        #expect(result.values.list("publish") == ["80:80", "81:81"])
        #expect(result.values.list("env") == ["A=1", "B=2"])
        #expect(result.values.string("name") == "web")
        #expect(result.values.list("network") == ["n"])
        #expect(result.values.bool("sig-proxy") && result.values.int("last") == -1)
    }

    @Test func readsFlagsBehindOperandsUnlessToldNotTo() throws {
        let result = try FlagParser(Self.flags).parse(["a", "-d", "b", "--", "-t"])
        #expect(result.operands == ["a", "b", "-t"])
        #expect(result.values.bool("detach") && !result.values.bool("tty"))
    }

    @Test(
        arguments: [
            (["--nope"], "unknown flag: --nope"),
            (["-x"], "unknown shorthand flag: 'x' in -x"),
            (["--name"], "flag needs an argument: --name"),
            (["-m"], "flag needs an argument: 'm' in -m"),
            (
                ["--rm=maybe"],
                "invalid argument \"maybe\" for \"--rm\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax"
            ),
            (
                ["-n", "abc"],
                "invalid argument \"abc\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"abc\": invalid syntax"
            ),
            (["-m", "abc"], "invalid argument \"abc\" for \"-m, --memory\" flag: invalid size: 'abc'"),
            (
                ["-f", "foo"],
                "invalid argument \"foo\" for \"-f, --filter\" flag: bad format of filter (expected name=value)"
            ),
            (["--=x"], "bad flag syntax: --=x"),
        ] as [([String], String)])
    func complains(_ arguments: [String], _ message: String) {
        #expect(throws: FlagError(message)) { try FlagParser(Self.flags).parse(arguments) }
    }

    @Test(arguments: ["--help", "-h"])
    func noticesHelp(_ argument: String) throws {
        #expect(try FlagParser(Self.flags).parse([argument]).wantsHelp)
    }

    @Test(
        arguments: [
            ("10s", 10_000_000_000), ("1h30m", 5_400_000_000_000), ("1.5s", 1_500_000_000), ("500ms", 500_000_000),
            ("-1m", -60_000_000_000), ("0", 0), ("1us", 1_000),
        ] as [(String, Int64)])
    func readsDurations(_ text: String, _ nanoseconds: Int64) { #expect(GoDuration.parse(text) == nanoseconds) }

    @Test(arguments: ["", "5", "5x", "s", "1..5s"])
    func refusesDurations(_ text: String) { #expect(GoDuration.parse(text) == nil) }

    @Test(
        arguments: [
            (90_000_000_000, "1m30s"), (1_500_000_000, "1.5s"), (0, "0s"), (3_600_000_000_000, "1h0m0s"),
            (1_500, "1.5µs"),
        ] as [(Int64, String)])
    func printsDurations(_ nanoseconds: Int64, _ text: String) { #expect(GoDuration.text(nanoseconds) == text) }

    @Test func wrapsHelpAsPflagDoes() {
        let text = FlagHelp.text(
            [
                Flag("latest", "l", "Show the latest created container (includes all states)"),
                Flag("filter", "f", .filter, "Filter output based on conditions provided"),
            ], columns: 79)
        #expect(
            text == """
                  -f, --filter filter   Filter output based on conditions provided
                  -l, --latest          Show the latest created container (includes all
                                        states)

                """)
    }
}
