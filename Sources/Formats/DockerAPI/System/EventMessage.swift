// SPDX-License-Identifier: Apache-2.0
// What `GET /events` streams.

/// Something that happened to an object of the daemon.
package struct EventMessage: Codable, Sendable, Equatable {
    package var status: String?
    package var id: String?
    package var from: String?
    @Wire package var type: String = ""
    @Wire package var action: String = ""
    @Wire package var actor: EventActor = EventActor()
    @Wire package var scope: String = ""
    @Wire package var time: Int64 = 0
    @Wire package var timeNano: Int64 = 0

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case status, id, from, type = "Type", action = "Action", actor = "Actor", scope, time, timeNano
    }
}

/// The object an event is about.
package struct EventActor: Codable, Sendable, Equatable {
    @Wire package var id: String = ""
    @Wire package var attributes: [String: String] = [:]

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case id = "ID", attributes = "Attributes"
    }
}
