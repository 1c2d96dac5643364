// SPDX-License-Identifier: Apache-2.0
// Flags of `run` and the fields they become; the expectations were recorded from the stock client.
import JSON
import Testing

@testable import CLI

@Suite struct CreateRequestTests {
    func request(_ arguments: [String], detached: Bool = false) throws -> JSONValue {
        let parsed = try FlagParser(CreateFlags.checked(CreateFlags.run), interspersed: false).parse(arguments)
        return try CreateRequest(
            flags: parsed.values, operands: parsed.operands, environment: ["HOME": "/root"], detached: detached
        ).body
    }

    @Test(
        arguments: [
            (["busybox"], "Image", "\"busybox\""), (["busybox"], "Cmd", "null"), (["busybox"], "Env", "null"),
            (["busybox", "echo", "a"], "Cmd", "[\"echo\",\"a\"]"),
            (["--entrypoint", "", "busybox"], "Entrypoint", "[\"\"]"),
            (["-e", "A=1", "-e", "HOME", "-e", "UNSET", "busybox"], "Env", "[\"A=1\",\"HOME=/root\",\"UNSET\"]"),
            (["-l", "a=b", "-l", "c", "busybox"], "Labels", "{\"a\":\"b\",\"c\":\"\"}"),
            (["-i", "busybox"], "StdinOnce", "true"), (["busybox"], "AttachStdin", "false"),
            (["-v", "/anon", "busybox"], "Volumes", "{\"/anon\":{}}"),
            (["--no-healthcheck", "busybox"], "Healthcheck", "{\"Test\":[\"NONE\"]}"),
            (
                ["--health-cmd", "x", "--health-interval", "5s", "busybox"], "Healthcheck",
                "{\"Test\":[\"CMD-SHELL\",\"x\"],\"Interval\":5000000000}"
            ),
            (["--stop-timeout", "5", "busybox"], "StopTimeout", "5"),
            (["-p", "80-81:90-91", "busybox"], "ExposedPorts", "{\"90/tcp\":{},\"91/tcp\":{}}"),
        ] as [([String], String, String)])
    func configuration(_ arguments: [String], _ key: String, _ expected: String) throws {
        #expect(try request(arguments)[key]?.text() == expected)
    }

    @Test(
        arguments: [
            (["-v", "/a:/b:ro", "busybox"], "Binds", "[\"/a:/b:ro\"]"), (["busybox"], "Binds", "null"),
            (["--rm", "busybox"], "AutoRemove", "true"), (["busybox"], "NetworkMode", "\"default\""),
            (["-m", "64m", "busybox"], "Memory", "67108864"), (["--memory-swap", "-1", "busybox"], "MemorySwap", "-1"),
            (["--cpus", "1.5", "busybox"], "NanoCpus", "1500000000"), (["busybox"], "MemorySwappiness", "-1"),
            (
                ["--restart", "on-failure:3", "busybox"], "RestartPolicy",
                "{\"Name\":\"on-failure\",\"MaximumRetryCount\":3}"
            ),
            (["busybox"], "RestartPolicy", "{\"Name\":\"no\",\"MaximumRetryCount\":0}"),
            (
                ["-p", "127.0.0.1:8080:80/udp", "busybox"], "PortBindings",
                "{\"80/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"}]}"
            ),
            (
                ["-p", "7000-7010:70", "busybox"], "PortBindings",
                "{\"70/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"7000-7010\"}]}"
            ),
            (["--cap-add", "net_admin", "--cap-drop", "ALL", "busybox"], "CapAdd", "[\"CAP_NET_ADMIN\"]"),
            (
                ["--ulimit", "nofile=1:2", "--ulimit", "core=0", "busybox"], "Ulimits",
                "[{\"Name\":\"core\",\"Hard\":0,\"Soft\":0},{\"Name\":\"nofile\",\"Hard\":2,\"Soft\":1}]"
            ),
            (["--tmpfs", "/t:size=1m", "busybox"], "Tmpfs", "{\"/t\":\"size=1m\"}"),
            (
                ["--mount", "type=bind,source=/tmp,target=/x,readonly", "busybox"], "Mounts",
                "[{\"Type\":\"bind\",\"Source\":\"/tmp\",\"Target\":\"/x\",\"ReadOnly\":true}]"
            ),
            (["--add-host", "b=::1", "busybox"], "ExtraHosts", "[\"b:::1\"]"),
            (
                ["--device", "/dev/zero:/dev/z:r", "busybox"], "Devices",
                "[{\"PathOnHost\":\"/dev/zero\",\"PathInContainer\":\"/dev/z\",\"CgroupPermissions\":\"r\"}]"
            ),
            (["--init=false", "busybox"], "Init", "false"),
            (["--security-opt", "systempaths=unconfined", "busybox"], "MaskedPaths", "[]"),
        ] as [([String], String, String)])
    func host(_ arguments: [String], _ key: String, _ expected: String) throws {
        #expect(try request(arguments)["HostConfig"]?[key]?.text() == expected)
    }

    @Test(
        arguments: [
            (["-p", "abc", "x"], "invalid containerPort: abc"), (["-p", "99999:80", "x"], "invalid hostPort: 99999"),
            (["-v", "/a:/b:/c:/d", "x"], "invalid spec: /a:/b:/c:/d: too many colons"),
            (["--pid", "foo", "x"], "--pid: invalid PID mode"),
            (["--rm", "--restart", "always", "x"], "conflicting options: cannot specify both --restart and --rm"),
            (["--network-alias", "a", "x"], "network-scoped aliases are only supported for user-defined networks"),
            (["--mac-address", "foo", "x"], "foo is not a valid mac address"),
            (["--env-file", "/nope", "x"], "open /nope: no such file or directory"),
            (["--mount", "type=foo", "x"], "invalid argument \"type=foo\" for \"--mount\" flag: target is required"),
            (
                ["--ulimit", "nofile=2:1", "x"],
                "invalid argument \"nofile=2:1\" for \"--ulimit\" flag: ulimit soft limit must be less than or equal to hard limit: 2 > 1"
            ),
            (
                ["--cpus", "x", "x"],
                "invalid argument \"x\" for \"--cpus\" flag: failed to parse x as a rational number"
            ),
        ] as [([String], String)])
    func complains(_ arguments: [String], _ message: String) {
        do {
            _ = try request(arguments)
            Issue.record("accepted")
        } catch { #expect("\(error)" == message) }
    }
}
