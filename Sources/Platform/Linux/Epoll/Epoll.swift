// SPDX-License-Identifier: Apache-2.0
// epoll(7) for programs with one thread: descriptors are watched under a number of the caller's choice.
import CLinux
import Glibc

package struct Epoll: ~Copyable {
    package struct Interest: OptionSet, Sendable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }
        package static let read = Interest(rawValue: 0x1)
        package static let write = Interest(rawValue: 0x4)
        package static let error = Interest(rawValue: 0x8)
        package static let hangup = Interest(rawValue: 0x10)
    }

    package struct Event: Sendable {
        package let token: UInt64
        package let ready: Interest
    }

    private let fd: OwnedFD

    package init() throws(Errno) {
        fd = OwnedFD(try check("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
    }

    /// Starts watching. Regular files and /dev/null cannot be watched (EPERM).
    package borrowing func add(_ target: Int32, _ interest: Interest, token: UInt64) throws(Errno) {
        try control(EPOLL_CTL_ADD, target, interest, token)
    }

    package borrowing func change(_ target: Int32, _ interest: Interest, token: UInt64) throws(Errno) {
        try control(EPOLL_CTL_MOD, target, interest, token)
    }

    package borrowing func remove(_ target: Int32) {
        var event = epoll_event()
        _ = epoll_ctl(fd.raw, EPOLL_CTL_DEL, target, &event)
    }

    /// Waits for events; a negative timeout waits for ever.
    package borrowing func wait(milliseconds: Int32 = -1) throws(Errno) -> [Event] {
        var events = [epoll_event](repeating: epoll_event(), count: 16)
        let raw = fd.raw
        let count = try check("epoll_wait") { epoll_wait(raw, &events, 16, milliseconds) }
        return events.prefix(Int(count)).map { Event(token: $0.data.u64, ready: Interest(rawValue: $0.events)) }
    }

    private borrowing func control(_ operation: Int32, _ target: Int32, _ interest: Interest, _ token: UInt64)
        throws(Errno)
    {
        var event = epoll_event()
        event.events = interest.rawValue
        event.data.u64 = token
        let raw = fd.raw
        try check("epoll_ctl") { epoll_ctl(raw, operation, target, &event) }
    }
}
