// SPDX-License-Identifier: Apache-2.0
// The `inspect` commands: fetch the objects, print them as JSON or through a template.
import DockerClient
import JSON

/// Prints objects found by a lookup.
enum ObjectInspector {
    /// `find` returns the daemon's JSON for a name. All names are tried; what failed is told at the end.
    static func run(_ call: Invocation, _ find: (String) throws -> [UInt8]) throws -> Int32 {
        let format = call.flags.string("format")
        var found: [[UInt8]] = []
        var failures: [String] = []
        var template: Template?
        if !format.isEmpty, format != "json" {
            do {
                template = try Template(Text.replacing(Text.replacing(format, "\\t", with: "\t"), "\\n", with: "\n"))
            } catch {
                throw ExitError(64, "template parsing error: \(error)")
            }
        }
        var output = ""
        for name in call.operands {
            let bytes: [UInt8]
            do { bytes = try find(name) } catch let error as ClientError {
                failures.append("\(error)")
                continue
            } catch let error as CommandError {
                failures.append("\(error)")
                continue
            }
            guard let template else {
                found.append(bytes)
                continue
            }
            do {
                output += try template.execute(.json(try JSONValue.parse(bytes))) + "\n"
            } catch { failures.append("template parsing error: \(error)") }
        }
        if format == "json" {
            call.console.out(bytes: [91] + found.map { RawJSON.trimmed($0) }.joined(separator: [44]) + [93])
            call.console.out("\n")
        } else if template != nil {
            call.console.out(output.isEmpty && !failures.isEmpty ? "\n" : output)
        } else if found.isEmpty {
            call.console.out("[]\n")
        } else {
            var joined: [UInt8] = [91]
            for (index, bytes) in found.enumerated() { joined += (index > 0 ? [44] : []) + bytes }
            call.console.out(bytes: RawJSON.indent(joined + [93]))
            call.console.out("\n")
        }
        if failures.isEmpty { return 0 }
        call.console.err(failures.joined(separator: "\n") + "\n")
        return 1
    }
}
