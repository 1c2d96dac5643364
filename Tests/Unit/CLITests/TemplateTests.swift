// SPDX-License-Identifier: Apache-2.0
// Go templates in tables: output for output, complaint for complaint.
import JSON
import Testing

@testable import CLI

@Suite struct TemplateTests {
    static let data: JSONValue = [
        "Name": "web", "Count": 3, "Ratio": 1.5, "On": true, "Off": false, "None": .null,
        "Config": ["Labels": ["a": "b", "c": "<d>"], "Cmd": ["sh", "-c", "ls"], "Entrypoint": .null, "Env": []],
        "Ports": ["80/tcp": [["HostIp": "0.0.0.0", "HostPort": "8080"]], "90/tcp": .null],
        "Id": "0123456789abcdef", "State": ["Status": "running"],
    ]

    @Test(
        arguments: [
            ("{{.Name}}", "web"),
            ("plain", "plain"),
            ("{{ .Count }} {{.Ratio}} {{.On}}", "3 1.5 true"),
            ("{{.Config.Labels}}", "map[a:b c:<d>]"),
            ("{{.Config.Cmd}}", "[sh -c ls]"),
            ("{{.Config.Entrypoint}}", "[]"),
            ("{{.Config.Labels.zz}}", "<no value>"),
            ("{{json .Config.Labels}}", "{\"a\":\"b\",\"c\":\"<d>\"}"),
            ("{{.Config.Cmd | json}}", "[\"sh\",\"-c\",\"ls\"]"),
            ("{{index .Config.Labels \"a\"}}", "b"),
            ("{{index .Config.Cmd 1}}", "-c"),
            ("{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080"),
            ("{{range $k, $v := .Ports}}{{$k}}={{len $v}};{{end}}", "80/tcp=1;90/tcp=0;"),
            ("{{range .Config.Cmd}}<{{.}}>{{end}}", "<sh><-c><ls>"),
            ("{{range .Config.Env}}x{{else}}none{{end}}", "none"),
            ("{{range $i, $e := .Config.Cmd}}{{if $i}},{{end}}{{$e}}{{end}}", "sh,-c,ls"),
            ("{{range .Config.Cmd}}{{if eq . \"-c\"}}{{break}}{{end}}{{.}}{{end}}", "sh"),
            ("{{range .Config.Cmd}}{{if eq . \"-c\"}}{{continue}}{{end}}{{.}}{{end}}", "shls"),
            ("{{if .On}}yes{{else}}no{{end}}", "yes"),
            ("{{if .Off}}a{{else if .On}}b{{else}}c{{end}}", "b"),
            ("{{with .State}}{{.Status}}{{end}}", "running"),
            ("{{with .Off}}x{{else}}y{{end}}", "y"),
            ("{{$x := .Name}}{{$x}}{{$x = \"z\"}}{{$x}}", "webz"),
            ("{{$.Name}}{{with .State}}{{$.Name}}{{end}}", "webweb"),
            ("a {{- .Name -}} b", "awebb"),
            ("{{/* nothing */}}x", "x"),
            ("{{- /* nothing */ -}} x", "x"),
            ("{{\"q\\\"\\n\" | printf \"%q\"}}", "\"q\\\"\\n\""),
            ("{{printf \"%-6s|%5d|%05d|%x|%v\" .Name .Count 42 255 .On}}", "web   |    3|00042|ff|true"),
            ("{{printf \"%.2f\" .Ratio}}", "1.50"),
            ("{{printf \"%d\" .Name}}", "%!d(string=web)"),
            ("{{println .Name 1}}", "web 1\n"),
            ("{{print 1 2 \"a\" \"b\"}}", "1 2ab"),
            ("{{len .Name}} {{len .Config.Cmd}} {{len .Config.Labels}}", "3 3 2"),
            ("{{slice .Id 0 4}} {{slice .Config.Cmd 1}}", "0123 [-c ls]"),
            ("{{upper .Name}} {{lower \"AB\"}} {{title \"ab cd\"}}", "WEB ab Ab Cd"),
            ("{{join .Config.Cmd \",\"}}", "sh,-c,ls"),
            ("{{split \"a:b\" \":\"}}", "[a b]"),
            ("{{pad .Name 1 2}}|", " web  |"),
            ("{{truncate .Id 3}}", "012"),
            ("{{html \"<a>&\"}} {{urlquery \"a b&\"}} {{js \"'\"}}", "&lt;a&gt;&amp; a+b%26 \\'"),
            (
                "{{eq .Count 3}} {{ne .Name \"x\"}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 3}}",
                "true true true true false false"
            ),
            ("{{eq .Name \"a\" \"web\"}}", "true"),
            ("{{and .On .Name}} {{or .Off .Name}} {{not .On}}", "web web false"),
            ("{{and .On (eq .Count 3) | not}}", "false"),
            ("{{define \"t\"}}[{{.}}]{{end}}{{template \"t\" .Name}}", "[web]"),
            ("{{block \"b\" .Name}}<{{.}}>{{end}}", "<web>"),
            ("{{.ID}}", "0123456789abcdef"),
            ("{{.State.Health}}{{if .State.Health}}x{{else}}none{{end}}", "<nil>none"),
            ("{{`raw \\n`}}{{'a'}}{{1_000}}{{0x10}}", "raw \\n97100016"),
            ("{{.Ports}}", "map[80/tcp:[{0.0.0.0 8080}] 90/tcp:<nil>]"),
        ] as [(String, String)])
    func prints(_ source: String, _ expected: String) throws {
        #expect(try Template(source).execute(.json(Self.data)) == expected)
    }

    @Test(
        arguments: [
            ("{{.Name", "template: :1: unclosed action"),
            ("{{foo .}}", "template: :1: function \"foo\" not defined"),
            ("{{if .On}}x", "template: :1: unexpected EOF"),
            ("{{end}}", "template: :1: unexpected {{end}}"),
            ("{{}}", "template: :1: missing value for command"),
            ("{{$x}}", "template: :1: undefined variable \"$x\""),
            ("{{(1}}", "template: :1: unclosed left paren"),
            ("{{\"a}}", "template: :1: unterminated quoted string"),
            ("{{break}}", "template: :1: {{break}} outside {{range}}"),
        ] as [(String, String)])
    func refuses(_ source: String, _ message: String) {
        do {
            _ = try Template(source)
            Issue.record("parsed")
        } catch { #expect(error.message == message) }
    }

    @Test(
        arguments: [
            ("{{.Nope}}", "template: :1:2: executing \"\" at <.Nope>: map has no entry for key \"Nope\""),
            ("{{.State.Nope}}", "template: :1:8: executing \"\" at <.State.Nope>: map has no entry for key \"Nope\""),
            ("{{.Name.X}}", "template: :1:7: executing \"\" at <.Name.X>: can't evaluate field X in type string"),
            ("{{len 3}}", "template: :1:2: executing \"\" at <len 3>: error calling len: len of type int"),
            (
                "{{eq 1 \"a\"}}",
                "template: :1:2: executing \"\" at <eq 1 \"a\">: error calling eq: incompatible types for comparison"
            ),
        ] as [(String, String)])
    func fails(_ source: String, _ message: String) throws {
        let template = try Template(source)
        do {
            _ = try template.execute(.json(Self.data))
            Issue.record("executed")
        } catch { #expect(error.message == message) }
    }

    @Test func surviveHostileSources() {
        for source in [
            "{{", "{{-", "{{'", "{{.", "{{|}}", "{{range}}", "{{define}}", "{{$", "{{/*", "}}", "{{.A.}}", "{{\\}}",
        ] {
            _ = try? Template(source)
        }
    }

    @Test func alignsTables() throws {
        let rows = [("a", "longer value"), ("bcd", "x")].map { name, value in
            TemplateRecord(typeName: "row", columns: [("Name", { .string(name) }), ("Value", { .string(value) })])
        }
        let format = ListFormat(
            table: "{{.Name}}\\t{{.Value}}", quiet: "{{.Name}}", headers: ["Name": "NAME", "Value": "VALUE"])
        #expect(
            try format.text("", quiet: false, rows: rows) == "NAME      VALUE\na         longer value\nbcd       x\n")
        #expect(try format.text("", quiet: true, rows: rows) == "a\nbcd\n")
        #expect(
            try format.text("json", quiet: false, rows: rows).hasPrefix("{\"Name\":\"a\",\"Value\":\"longer value\"}\n")
        )
        #expect(try format.text("table {{.Value}}", quiet: false, rows: rows) == "VALUE\nlonger value\nx\n")
        #expect(try format.text("{{upper .Name}}", quiet: false, rows: rows) == "A\nBCD\n")
    }
}
