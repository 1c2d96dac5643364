// SPDX-License-Identifier: Apache-2.0
// Reading and writing JSON: exactness, Go's spelling, hostile documents.
import JSON
import Testing

@Suite struct JSONParserTests {
    @Test func readsEveryKind() throws {
        let value = try JSONValue.parse(
            #" {"a":[1,-2.5,true,false,null,"x\n\u00e9\ud83d\ude00"],"b":{"c":9007199254740993}} "#)
        #expect(value["a"]?[0] == 1)
        #expect(value["a"]?[1] == -2.5)
        #expect(value["a"]?[5]?.string == "x\né😀")
        #expect(value["b"]?["c"]?.int == 9_007_199_254_740_993)
        #expect(value["b"]?["missing"] == nil)
    }

    @Test func keepsTheOrderOfKeys() throws {
        let keys = (0..<40).map { "k\(39 - $0)" }
        let text = "{" + keys.map { "\"\($0)\":1" }.joined(separator: ",") + "}"
        let value = try JSONValue.parse(text)
        #expect(value.object?.keys == keys)
        #expect(value["k7"] == 1)
        #expect(value.text() == text)
    }

    @Test(arguments: [
        "", "{", "[1,", "{\"a\"}", "{\"a\":}", "[1 2]", "nul", "01", "1.", "-", "\"\u{1}\"", "\"\\x\"", "{} {}", "[1,]",
        "\"abc",
        "{a:1}",
    ])
    func refuses(text: String) {
        #expect(throws: JSONError.self) { try JSONValue.parse(text) }
    }

    @Test func tellsAnEarlyEndFromAnError() {
        #expect(throws: JSONError.self) { try JSONValue.parse("{\"a\":") }
        do throws(JSONError) {
            _ = try JSONValue.parse("{\"a\":")
        } catch {
            #expect(error.isUnexpectedEnd)
        }
        do throws(JSONError) {
            _ = try JSONValue.parse("{\"a\":x}")
        } catch {
            #expect(!error.isUnexpectedEnd)
        }
    }

    @Test func depthIsBounded() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.self) { try JSONValue.parse(deep) }
    }

    @Test func loneSurrogatesBecomeReplacementCharacters() throws {
        #expect(try JSONValue.parse(#""\ud800x""#) == "\u{FFFD}x")
    }
}

@Suite struct JSONWriterTests {
    @Test func writesNestedValues() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("a", 1)
        writer.key("b")
        writer.beginArray()
        writer.value("x\"\u{1}")
        writer.value(true)
        writer.endArray()
        writer.field("c", JSONValue.object(["d": nil]))
        writer.endObject()
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"{"a":1,"b":["x\"\u0001",true],"c":{"d":null}}"#)
    }

    @Test func escapesForHTMLAsGoDoes() {
        #expect(JSONValue.string("<a&b>").text(escapesHTML: true) == #""\u003ca\u0026b\u003e""#)
        #expect(JSONValue.string("<a&b>").text() == #""<a&b>""#)
    }

    @Test func indentsAsGoDoes() {
        let value: JSONValue = ["a": [1, 2], "b": [:], "c": []]
        #expect(
            value.text(indent: 4) == "{\n    \"a\": [\n        1,\n        2\n    ],\n    \"b\": {},\n    \"c\": []\n}")
    }
}
