// SPDX-License-Identifier: Apache-2.0
// Notices of the kernel that a container ran out of memory.
import CLinux
import Glibc
import Linux

/// v1: an eventfd registered at memory.oom_control. v2: inotify on memory.events.
final class OOMWatch {
    private let loop: EventLoop
    private let fd: OwnedFD
    private var seen = 0

    init(_ group: ControlGroup, loop: EventLoop, _ onEvent: @escaping () -> Void) throws {
        self.loop = loop
        guard let folder = group.folder("memory") else { throw RuntimeError(.invalid, "no memory cgroup controller") }
        if group.layout.isUnified {
            fd = OwnedFD(try check("inotify_init1") { inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)) })
            let raw = fd.raw
            try check("inotify_add_watch") { inotify_add_watch(raw, folder + "/memory.events", UInt32(IN_MODIFY)) }
        } else {
            fd = OwnedFD(try check("eventfd") { eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)) })
            let control = try OwnedFD.open(folder + "/memory.oom_control", O_RDONLY)
            try TextFile.write("\(fd.raw) \(control.raw)", to: folder + "/cgroup.event_control")
        }
        let raw = fd.raw
        loop.watch(raw, .read) { [weak self] _ in
            withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { _ = read(raw, $0.baseAddress, $0.count) }
            guard let self else { return }
            let kills = group.oomKills()
            // Both ways also report other changes; removal of the group is one of them.
            guard group.layout.isUnified ? kills > self.seen : TextFile.exists(folder) else { return }
            self.seen = kills
            onEvent()
        }
    }

    deinit { loop.forget(fd.raw) }
}
