// SPDX-License-Identifier: Apache-2.0
// Names, references, ranges and escapes that come from outside.
import Primitives
import Testing

@testable import RegistryServer

@Suite struct NamesTests {
    @Test(arguments: ["a", "library/nginx", "a/b/c/d", "a-b_c.d__e", "0/1", "a/blobs/uploads", "v2"])
    func goodName(_ text: String) { #expect(RepositoryName(text)?.text == text) }

    @Test(arguments: [
        "", "/", "a/", "/a", "a//b", "..", "a/../b", "A", "a/_tags", "_catalog", "a.", ".a", "a..b", "a b", "ä", "a\0b",
        "a%2fb",
        "-a", "a-", String(repeating: "a", count: 256),
    ])
    func badName(_ text: String) { #expect(RepositoryName(text) == nil) }

    @Test(arguments: ["latest", "_x", "1.0-rc", String(repeating: "t", count: 128)])
    func goodTag(_ text: String) { #expect(ManifestReference(text) == .tag(text)) }

    @Test(arguments: [
        "", ".", "..", "-x", "a/b", "sha256:", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e",
        String(repeating: "t", count: 129), "sha256:" + String(repeating: "A", count: 64),
    ])
    func badReference(_ text: String) { #expect(ManifestReference(text) == nil) }

    @Test(arguments: [
        ("bytes=0-", ByteRange.part(0..<10)), ("bytes=0-0", .part(0..<1)), ("bytes=3-5", .part(3..<6)),
        ("bytes=3-500", .part(3..<10)), ("bytes=-4", .part(6..<10)), ("bytes=-40", .part(0..<10)),
        ("bytes=10-", .unsatisfiable), ("bytes=-0", .unsatisfiable), ("bytes=99999999999999999999-", .unsatisfiable),
        ("bytes=5-3", .unsatisfiable), ("bytes=a-b", .whole), ("bytes=0-1,3-4", .whole), ("lines=0-1", .whole),
        ("bytes=0-99999999999999999999", .part(0..<10)),
    ])
    func range(_ header: String, _ wanted: ByteRange) { #expect(ByteRange.parse(header, size: 10) == wanted) }

    @Test func rangeOfNothing() { #expect(ByteRange.parse("bytes=0-", size: 0) == .unsatisfiable) }

    @Test func markupCannotBeBrokenOutOf() {
        let hostile = #"<script>alert("x")</script>' onload=&"# + "\u{202E}\0"
        let page: HTML = "<p title=\"\(hostile)\">\(hostile)</p>\(query: "a&b=\"<")"
        #expect(!page.markup.contains("<script"))
        #expect(!page.markup.contains("\u{202E}") && !page.markup.contains("\0"))
        #expect(page.markup.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&#39; onload=&amp;"))
        #expect(page.markup.hasSuffix("a%26b%3D%22%3C"))
    }
}
