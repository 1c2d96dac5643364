// SPDX-License-Identifier: Apache-2.0
// Structures whose zero value is all their fields' zero values.

/// A structure that Go embeds by value: a missing one is an empty one.
package protocol ZeroValue: WireDefault { init() }

extension ZeroValue { package static var wireDefault: Self { Self() } }

extension Commit: ZeroValue {}
extension ConfigReference: ZeroValue {}
extension ContainerConfig: ZeroValue {}
extension ContainerStateView: ZeroValue {}
extension EventActor: ZeroValue {}
extension ExecProcessConfig: ZeroValue {}
extension GraphDriverData: ZeroValue {}
extension HostConfig: ZeroValue {}
extension IPAM: ZeroValue {}
extension ImageMetadata: ZeroValue {}
extension LogConfig: ZeroValue {}
extension NetworkSettings: ZeroValue {}
extension PluginsInfo: ZeroValue {}
extension RegistryServiceConfig: ZeroValue {}
extension RestartPolicySpec: ZeroValue {}
extension RootFSView: ZeroValue {}
extension SummaryHostConfig: ZeroValue {}
extension SummaryNetworkSettings: ZeroValue {}
extension SwarmInfo: ZeroValue {}
extension VersionPlatform: ZeroValue {}
