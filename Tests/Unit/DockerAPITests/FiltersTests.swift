// SPDX-License-Identifier: Apache-2.0
// The filters parameter in both its spellings.
import Primitives
import Testing

@testable import DockerAPI

@Suite struct FiltersTests {
    @Test(arguments: [#"{"label":["a=b","c"]}"#, #"{"label":{"a=b":true,"c":true}}"#])
    func bothSpellings(text: String) throws {
        let filters = try Filters(parsing: text)
        #expect(filters["label"]?.sorted() == ["a=b", "c"])
        #expect(filters.matchesLabels(["a": "b", "c": ""]))
        #expect(!filters.matchesLabels(["a": "b"]))
    }

    @Test func nothingMeansNoFilter() throws {
        #expect(try Filters(parsing: nil).isEmpty)
        #expect(try Filters(parsing: "").isEmpty)
        #expect(try Filters(parsing: "{}").isEmpty)
    }

    @Test(arguments: ["foo", "[]", #"{"a": 1}"#, #"{"a": [1]}"#])
    func brokenOnesAreRefused(text: String) {
        #expect(throws: EngineError.self) { try Filters(parsing: text) }
    }

    @Test func unknownKeysAreNamed() throws {
        let error = #expect(throws: EngineError.self) { try Filters(parsing: #"{"nope":["x"]}"#).validate(["label"]) }
        #expect(error?.message == "Invalid filter 'nope'")
    }

    @Test func truthValues() throws {
        #expect(try Filters(["dangling": ["1"]]).bool("dangling") == true)
        #expect(try Filters(["dangling": ["false", "0"]]).bool("dangling") == false)
        #expect(try Filters().bool("dangling") == nil)
        #expect(throws: EngineError.self) { try Filters(["dangling": ["true", "false"]]).bool("dangling") }
    }
}
