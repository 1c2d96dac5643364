// SPDX-License-Identifier: Apache-2.0
// Waking a log's reader: when the file grows or is replaced, when the container has ended, when the time is up.
import AsyncSystem
import CLinux
import Glibc
import Linux
import Primitives
import Synchronization

/// Watches the log's folder by inotify. One epoll descriptor gathers inotify and an eventfd, so that one wait suffices.
final class LogFollower: Sendable {
    private let inotify: OwnedFD
    private let bell: OwnedFD
    private let epoll: OwnedFD
    private let ended = Atomic(false)
    private let tasks = Mutex<[Task<Void, Never>]>([])

    init(path: String, until: Timestamp?, ended container: @escaping @Sendable () async -> Void) throws {
        inotify = OwnedFD(try check("inotify_init1") { inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC)) })
        bell = OwnedFD(try check("eventfd") { eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC)) })
        epoll = OwnedFD(try check("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) })
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let watcher = inotify.raw
        let gatherer = epoll.raw
        try check("inotify_add_watch") {
            inotify_add_watch(watcher, folder, UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_TO))
        }
        for descriptor in [watcher, bell.raw] {
            var event = epoll_event()
            event.events = EPOLLIN.rawValue
            try check("epoll_ctl") { epoll_ctl(gatherer, EPOLL_CTL_ADD, descriptor, &event) }
        }
        let end = Task { [weak self] in
            await container()
            self?.finish()
        }
        let timer = until.map { until in
            Task { [weak self] in
                let delay = until.secondsSince(.now())
                if delay > 0 {
                    // Cancelled together with this follower, which then needs no bell.
                    guard (try? await Task.sleep(for: .seconds(delay))) != nil else { return }
                }
                self?.finish()
            }
        }
        tasks.withLock { $0 = [end] + (timer.map { [$0] } ?? []) }
    }

    /// No more will be written than is there now.
    var hasEnded: Bool { ended.load(ordering: .acquiring) }

    private func finish() {
        ended.store(true, ordering: .releasing)
        ring()
    }

    private func ring() {
        var one: UInt64 = 1
        _ = write(bell.raw, &one, 8)
    }

    /// Suspends until something may have changed.
    func wait() async throws {
        try await Reactor.shared.readable(epoll.raw)
        // Emptied in one go: the events say no more than "look again".
        var buffer = [UInt8](repeating: 0, count: 4096)
        while read(inotify.raw, &buffer, buffer.count) > 0 {}
        _ = read(bell.raw, &buffer, 8)
    }

    func close() {
        for task in tasks.withLock({ $0 }) { task.cancel() }
        finish()
    }
}
