// SPDX-License-Identifier: Apache-2.0
// Whose users containers are: what subuid(5) and subgid(5) may say, and ranges that never touch.
import Primitives
import Tasks
import Testing

@testable import Engine

@Suite struct SubordinateIDsTests {
    private let file = """
        # a comment
        nobody:300000:1000
        broken:line
        nobody:200000:500
        nobody:4294967295:2
        65534:100000:0
        other:1:1
        """

    @Test func rangesOfOneOwnerAreSortedAndBrokenLinesPassedOver() throws {
        let mapping = try #require(try SubordinateIDs.remapping("nobody", users: file, groups: file))
        let wanted = [
            UserMapping.Range(container: 0, host: 200_000, size: 500),
            UserMapping.Range(container: 500, host: 300_000, size: 1000),
        ]
        #expect(mapping.users == wanted)
        #expect(mapping.groups == wanted)
    }

    @Test func nothingAskedForIsNothingMapped() throws {
        #expect(try SubordinateIDs.remapping("", users: file, groups: file) == nil)
        #expect(try SubordinateIDs.remapping("host", users: file, groups: file) == nil)
    }

    @Test func rangesBeyondTheLastIdEndTheMapping() throws {
        let greedy = "nobody:1:3000000000\nnobody:2:3000000000\n"
        let mapping = try #require(try SubordinateIDs.remapping("nobody", users: greedy, groups: greedy))
        #expect(mapping.users == [UserMapping.Range(container: 0, host: 1, size: 3_000_000_000)])
    }

    @Test(arguments: ["no-such-user", "default", ":", "a:b:c", "nobody:", "broken"])
    func anOwnerWithoutRangesIsRefusedByName(setting: String) {
        let error = #expect(throws: EngineError.self) {
            try SubordinateIDs.remapping(setting, users: file, groups: file)
        }
        #expect(error?.message.contains(setting == "default" ? "dockremap" : setting) == true)
    }

    @Test(arguments: ["x", "1", "0:10", "1:0", "4294967290:10", "-1:5"])
    func aPoolThatIsNoneIsRefused(setting: String) {
        #expect(throws: EngineError.self) { try SubordinateIDs.pool(setting, users: "", groups: "") }
    }

    @Test func privateRangesNeverTouchAndComeBack() throws {
        let pool = try SubordinateIDs.pool("1000:25", users: "", groups: "")
        let first = try pool.allocate(for: "a", size: 10)
        let second = try pool.allocate(for: "b", size: 10)
        #expect(first.users.first?.host == 1000)
        #expect(second.users.first?.host == 1010)
        #expect(throws: EngineError.self) { try pool.allocate(for: "c", size: 10) }
        pool.release("a")
        #expect(try pool.allocate(for: "c", size: 5).users.first?.host == 1000)
        #expect(try pool.allocate(for: "d", size: 5).users.first?.host == 1005)
    }

    @Test(arguments: ["auto:", "auto:size=0", "auto:size=x", "auto:uid=1"])
    func anAutomaticModeThatIsNoneIsRefused(mode: String) {
        #expect(throws: EngineError.self) { try UserRangePool.size(ofMode: mode) }
    }
}
