// SPDX-License-Identifier: Apache-2.0
// A process's streams on a connection taken over from HTTP.
import DockerAPI
import Engine
import HTTP
import Primitives

/// Thrown by an input whose client takes no output any more either.
struct ClientLeft: Error {}

/// Docker's hijack: `101 UPGRADED` for clients that ask for an upgrade, `200 OK` for those that do not.
enum Hijack {
    static func run(_ connection: any ProcessConnection, _ call: APICall) async throws {
        let isUpgrade = call.request.headers["Upgrade"] != nil
        // Docker has always called the stream of a client that does not upgrade raw, framed or not.
        var headers = [("Content-Type", Frame.contentType(isRaw: connection.isRaw || !isUpgrade, call.version))]
        if isUpgrade { headers += [("Connection", "Upgrade"), ("Upgrade", "tcp")] }
        let raw: RawConnection
        do {
            raw = try await call.responder.hijack(isUpgrade ? 101 : 200, headers)
        } catch {
            await connection.close()
            throw error
        }
        // The Python SDK reads the head through a buffer it then forgets: what arrives with the head is lost to it.
        if call.request.headers["User-Agent"]?.hasPrefix("docker-sdk-python") == true {
            try await Task.sleep(for: .milliseconds(10))
        }
        let isRaw = connection.isRaw
        try await join(
            connection, input: { try await raw.read() },
            output: { try await raw.write(Frame.bytes($0, isRaw: isRaw)) }, end: { try await raw.finish() })
    }

    /// How long a client may take to close after the end of the output.
    private static let closingTime = Duration.seconds(5)

    /// Moves bytes both ways until the process's output ends. The client's half-close ends only the input. What a client
    /// sends after the `end` is read and thrown away: to close over unread bytes resets the connection, and the client loses
    /// the last of the output.
    static func join(
        _ connection: any ProcessConnection, input: @escaping @Sendable () async throws -> [UInt8]?,
        output: @escaping @Sendable (OutputChunk) async throws -> Void, end: () async throws -> Void
    ) async throws {
        let reader = Task {
            do {
                while let bytes = try await input() { try await connection.write(bytes) }
                await connection.closeInput()
            } catch is ClientLeft {
                return await connection.close()
            } catch is DetachRequested {
                await connection.close()
            } catch {
                if Task.isCancelled { return }
                await connection.closeInput()
            }
            // An error here means that the client has gone.
            while let bytes = try? await input(), !Task.isCancelled { _ = bytes }
        }
        defer { reader.cancel() }
        try await withTaskCancellationHandler {
            do {
                while let chunk = try await connection.next() { try await output(chunk) }
            } catch {
                await connection.close()
                throw error
            }
        } onCancel: {
            Task { await connection.close() }
        }
        await connection.close()
        try await end()
        let deadline = Task {
            // Cancelled when the client closes before.
            if (try? await Task.sleep(for: closingTime)) != nil { reader.cancel() }
        }
        await withTaskCancellationHandler {
            await reader.value
        } onCancel: {
            reader.cancel()
        }
        deadline.cancel()
    }
}
