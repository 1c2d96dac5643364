// SPDX-License-Identifier: Apache-2.0
// The reactor and the blocking pool under load and cancellation.
import AsyncSystem
import Glibc
import Linux
import Testing

@Suite struct ReactorTests {
    @Test func wakesWhenReadable() async throws {
        let ends = try OwnedFD.pipe(flags: O_NONBLOCK).release()
        defer { for fd in [ends.reader, ends.writer] { _ = close(fd) } }
        async let ready: Void = Reactor.shared.readable(ends.reader)
        _ = write(ends.writer, "x", 1)
        try await ready
        var byte: UInt8 = 0
        #expect(read(ends.reader, &byte, 1) == 1)
    }

    @Test func wakesOnHangUp() async throws {
        let ends = try OwnedFD.pipe().release()
        defer { _ = close(ends.reader) }
        async let ready: Void = Reactor.shared.readable(ends.reader)
        _ = close(ends.writer)
        try await ready
    }

    @Test func cancellationEndsTheWait() async throws {
        let ends = try OwnedFD.pipe().release()
        defer { for fd in [ends.reader, ends.writer] { _ = close(fd) } }
        let waiting = Task { try await Reactor.shared.readable(ends.reader) }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        // The descriptor can be waited for again.
        async let ready: Void = Reactor.shared.readable(ends.reader)
        _ = write(ends.writer, "x", 1)
        try await ready
    }

    @Test func regularFilesAreAlwaysReady() async throws {
        let file = try OwnedFD.open("/proc/self/exe", O_RDONLY).release()
        defer { _ = close(file) }
        try await Reactor.shared.readable(file)
    }
}

@Suite struct BlockingTests {
    @Test func manyJobsAllEnd() async throws {
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<500 { group.addTask { try await Blocking.run { number } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 124_750)
    }

    @Test func errorsReachTheCaller() async {
        await #expect(throws: Errno.self) { try await Blocking.run { throw Errno(call: "test", code: ENOENT) } }
    }
}
