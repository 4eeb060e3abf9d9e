internal import CKernels
internal import ModelCore
internal import OneDNN

extension PlanBuilder {
  /// A dense layer: three matrix products, and what oneDNN's product does not do on the way.
  ///
  /// With N samples, I floats in each and O units: x `[N, I]`, kernel `[I, O]`, output `[N, O]`.
  func buildDense(_ node: Node, _ dense: Dense) throws {
    guard let kernel = store.slot(node.parameterLayer, node.kernelRole) else {
      preconditionFailure("\(node.layer) has no kernel")
    }
    let bias = dense.usesBias ? store.slot(node.parameterLayer, "bias") : nil
    let input = node.inputs[0]
    let (samples, inputs, units) = (samples, input.form.elementCount, dense.units)
    let source = try floats(of: input)
    let output = take(node.form)
    set(output, for: node)

    let product = MatrixProduct(rows: samples, columns: units, depth: inputs)
    let used = try weightsInUse(node, kernel, bias)
    let (weights, shift) = (used.kernel, used.bias)
    try boundSums(node, used, hidesNaN: false)
    let (target, relu) = (output.pointer, Int32(node.appliesReLU ? 1 : 0))
    add(node, "forward", implementation: "sgemm") {
      try product.run(source(), weights, into: target)
      ck_dense_finish(target, shift, relu, samples, units)
    }

    let held = isCallersInput(input) ? nil : try activation(of: input)
    if let held, trains { pool.hold(held) }
    let mask = holdForMask(node, output)
    whenBackward { [self] in
      let incoming = gradient(of: node, maskedBy: mask)
      if let mask { pool.release(mask) }
      buildDenseWeightGradients(node, kernel, bias, source, incoming)
      if let held { pool.release(held) }
      if needsGradient(input) { buildDenseInputGradient(node, kernel, incoming) }
      pool.release(incoming)
    }
  }

  /// dW `[I, O]` = x^T dy, db `[O]` = the sum of dy over the samples.
  private func buildDenseWeightGradients(
    _ node: Node, _ kernel: ParameterSlot, _ bias: ParameterSlot?,
    _ source: @escaping () -> UnsafePointer<Float>, _ incoming: Buffer
  ) {
    let (inputs, units) = (node.inputs[0].form.elementCount, node.form.elementCount)
    let product = MatrixProduct(
      rows: inputs, columns: units, depth: samples, transposesLeft: true)
    let (change, samples) = (incoming.pointer, samples)
    writeGradient(of: kernel, node) { dw in
      writeGradient(of: bias, node) { db in
        guard let dw else { return }
        add(node, "backward weights", implementation: "sgemm") {
          try product.run(source(), change, into: dw)
          if let db { ck_column_sums(db, change, samples, units) }
        }
      }
    }
  }

  /// dx `[N, I]` = dy W^T.
  private func buildDenseInputGradient(
    _ node: Node, _ kernel: ParameterSlot, _ incoming: Buffer
  ) {
    let input = node.inputs[0]
    let product = MatrixProduct(
      rows: samples, columns: input.form.elementCount, depth: node.form.elementCount,
      transposesRight: true)
    let outgoing = take(input.form)
    let (change, weights, target) = (incoming.pointer, store.pointer(kernel), outgoing.pointer)
    add(node, "backward data", implementation: "sgemm") {
      try product.run(change, weights, into: target)
    }
    contribute(outgoing, to: input)
  }
}
