// SPDX-License-Identifier: Apache-2.0
// One process as /proc shows it (proc_pid_stat(5)), and the clocks needed to print it as ps does.
import Glibc
import Primitives

/// A process at the moment it was read.
struct ProcessReading {
    let pid: Int32
    let parent: Int32
    let uid: UInt32
    let state: String
    let terminal: String
    let command: String
    /// In clock ticks, all threads.
    let cpuTicks: UInt64
    /// In clock ticks after the machine's start.
    let startTicks: UInt64
    let virtualKiB: UInt64
    let residentKiB: UInt64

    /// nil: it has ended.
    init?(_ pid: Int32) {
        let folder = "/proc/\(pid)"
        guard let text = ProcFile.text(folder + "/stat"), let open = text.firstIndex(of: "("),
            let close = text.lastIndex(of: ")"), open < close
        else { return nil }
        // The name may hold spaces and brackets; the fields begin behind the last one. Field 3 of the manual is the
        // first here.
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count >= 22 else { return nil }
        func field(_ number: Int) -> UInt64 { UInt64(fields[number - 3]) ?? 0 }
        var status = stat()
        guard stat(folder, &status) == 0 else { return nil }
        self.pid = pid
        parent = Int32(fields[1]) ?? 0
        uid = status.st_uid
        terminal = Self.terminal(Int64(fields[4]) ?? 0)
        cpuTicks = field(14) + field(15)
        startTicks = field(22)
        virtualKiB = field(23) / 1024
        residentKiB =
            (Int64(fields[21]).map { UInt64(clamping: $0) } ?? 0) * UInt64(sysconf(Int32(_SC_PAGESIZE))) / 1024
        let priority = Int(fields[16]) ?? 0
        let isLeader = Int32(fields[3]) == pid
        let isForeground = Int32(fields[5]) == Int32(fields[2]) && (Int32(fields[5]) ?? -1) > 0
        state =
            String(fields[0]) + (priority < 0 ? "<" : priority > 0 ? "N" : "") + (isLeader ? "s" : "")
            + (field(20) > 1 ? "l" : "") + (isForeground ? "+" : "")
        let arguments = (ProcFile.bytes(folder + "/cmdline") ?? []).split(separator: 0).map {
            String(decoding: $0, as: UTF8.self)
        }
        let name = "[" + text[text.index(after: open)..<close] + "]"
        command = arguments.isEmpty ? (fields[0] == "Z" ? name + " <defunct>" : name) : arguments.joined(separator: " ")
    }

    /// `pts/3`, `tty1`, `?`
    private static func terminal(_ number: Int64) -> String {
        if number == 0 { return "?" }
        let major = number >> 8 & 0xFFF
        let minor = number & 0xFF | number >> 12 & 0xFFF00
        switch major {
        case 136...143: return "pts/\(minor + (major - 136) << 8)"
        case 4: return minor < 64 ? "tty\(minor)" : "ttyS\(minor - 64)"
        default: return "?"
        }
    }

    /// CPU time over the time since its start.
    func cpuShare(_ clock: ProcessClock) -> Double {
        let age = clock.uptime - Double(startTicks) / clock.ticksPerSecond
        return age < 1 ? 0 : Double(cpuTicks) / clock.ticksPerSecond / age
    }
}

/// When the machine began and how its ticks translate.
struct ProcessClock {
    let ticksPerSecond = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
    let uptime: Double
    let now: time_t
    let memoryKiB: UInt64

    init() {
        uptime = Double((ProcFile.text("/proc/uptime") ?? "").prefix { $0 != " " }) ?? 0
        now = Glibc.time(nil)
        let total = (ProcFile.text("/proc/meminfo") ?? "").split(separator: "\n").first { $0.hasPrefix("MemTotal:") }
        memoryKiB = max(1, UInt64((total ?? "").filter(\.isNumber)) ?? 1)
    }

    /// `HH:MM` today, `Jan02` this year, else the year; in local time, as ps.
    func start(_ process: ProcessReading) -> String {
        var began = now - time_t(uptime - Double(process.startTicks) / ticksPerSecond)
        var moment = tm()
        var today = tm()
        var current = now
        localtime_r(&began, &moment)
        localtime_r(&current, &today)
        if moment.tm_year != today.tm_year { return String(moment.tm_year + 1900) }
        if moment.tm_yday == today.tm_yday { return pad(moment.tm_hour) + ":" + pad(moment.tm_min) }
        return Self.months[Int(moment.tm_mon) % 12] + pad(moment.tm_mday)
    }

    /// `HH:MM:SS`
    func time(_ process: ProcessReading) -> String {
        let seconds = Int64(Double(process.cpuTicks) / ticksPerSecond)
        let days = seconds / 86_400
        return (days > 0 ? "\(days)-" : "") + pad(Int32(seconds / 3600 % 24)) + ":" + pad(Int32(seconds / 60 % 60))
            + ":"
            + pad(Int32(seconds % 60))
    }

    /// `M:SS`
    func shortTime(_ process: ProcessReading) -> String {
        let seconds = Int64(Double(process.cpuTicks) / ticksPerSecond)
        return "\(seconds / 60):" + pad(Int32(seconds % 60))
    }

    private func pad(_ number: Int32) -> String { number < 10 ? "0\(number)" : String(number) }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}

/// The host's user names: ps prints them, whatever the container's files say. Names of more than eight letters are cut.
struct UserNames {
    private let names: [UInt32: String]

    init() {
        var names: [UInt32: String] = [:]
        for line in (ProcFile.text("/etc/passwd") ?? "").split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count > 2, let uid = UInt32(fields[2]), names[uid] == nil else { continue }
            names[uid] = String(fields[0])
        }
        self.names = names
    }

    func name(_ uid: UInt32) -> String {
        guard let name = names[uid] else { return String(uid) }
        return name.utf8.count > 8 ? name.prefix(7) + "+" : name
    }
}
