/**
 * Files, paths and processes of this machine.
 *
 * @since 0.2.0
 */
import type { CommandExecutor, FileSystem, Path } from "@effect/platform"
import * as NodeCommandExecutor from "@effect/platform-node/NodeCommandExecutor"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import { Layer } from "effect"

/**
 * Options of the machine and its files.
 *
 * @since 0.1.0
 * @category models
 */
export type Platform = FileSystem.FileSystem | Path.Path | CommandExecutor.CommandExecutor

const layerFiles = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)

/**
 * @since 0.1.0
 * @category layers
 */
export const layerPlatform: Layer.Layer<Platform> = Layer.provideMerge(NodeCommandExecutor.layer, layerFiles)
