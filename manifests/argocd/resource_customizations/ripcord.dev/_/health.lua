-- Health of the kinds of ripcord.dev for Argo CD, from Ready, Reconciling, Stalled and observedGeneration alone.
-- manifests/generate puts it into argocd-cm.yaml; the same for the four kinds.
local status = obj.status or {}
local generation = obj.metadata.generation
if status.observedGeneration == nil or (generation ~= nil and status.observedGeneration < generation) then
  return {status = "Progressing", message = "Ripcord has not looked at this generation yet"}
end
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local function says(condition)
  return (condition.reason or "") .. ": " .. (condition.message or "")
end
local stalled, reconciling, ready = conditions.Stalled, conditions.Reconciling, conditions.Ready
if stalled ~= nil and stalled.status == "True" then
  return {status = "Degraded", message = says(stalled)}
end
if reconciling ~= nil and reconciling.status == "True" then
  return {status = "Progressing", message = says(reconciling)}
end
if ready == nil then
  return {status = "Progressing", message = "Ripcord has not said yet whether it is ready"}
end
if ready.status == "True" then
  return {status = "Healthy", message = says(ready)}
end
if ready.status == "Unknown" and ready.reason == "Suspended" then
  return {status = "Suspended", message = says(ready)}
end
return {status = "Progressing", message = says(ready)}
